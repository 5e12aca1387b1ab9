import { write } from './trpc.ts'

export const call = { signal: write('call.signal') }
