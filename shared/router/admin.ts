import { read, write } from './trpc.ts'

export const admin = {
  stats: read('admin.stats'),
  test: write('admin.test'),
}
