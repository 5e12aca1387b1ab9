import { read, write } from './trpc.ts'

export const schedule = {
  create: write('schedule.create'),
  get: read('schedule.get'),
  list: read('schedule.list'),
  update: write('schedule.update'),
  toggle: write('schedule.toggle'),
  delete: write('schedule.delete'),
}
