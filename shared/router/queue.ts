import { read, write } from './trpc.ts'

export const queue = {
  size: read('queue.size'),
  peek: read('queue.peek'),
  dequeue: write('queue.dequeue'),
  enqueue: write('queue.enqueue'),
}
