import { read, write } from './trpc.ts'

export const admin = {
  stats: read('admin.stats'),
  audit: read('admin.audit'),
  test: write('admin.test'),
}
