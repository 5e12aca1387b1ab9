import { write } from './trpc.ts'

/** Not `call`: tRPC reserves the word. */
export const calls = { signal: write('call.signal') }
