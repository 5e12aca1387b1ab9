/** The old clients bring no types that are found; this is the part that tests use. */
interface OldSocket {
  readonly id?: string
  readonly io: OldManager
  emit(event: string, ...args: unknown[]): void
  close(): void
  on(event: string, listener: (...args: never[]) => void): void
}
interface OldManager {
  readonly engine: { readonly transport: { readonly name: string }; on(event: string, listener: () => void): void }
  socket(namespace: string, options: object): OldSocket
}
declare module 'socket.io-client-2' {
  export default function io(url: string, options: object): OldSocket
}
declare module 'socket.io-client-3' {
  export function io(url: string, options: object): OldSocket
}
