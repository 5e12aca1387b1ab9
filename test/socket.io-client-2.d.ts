/** The old client brings no types; this is the part that tests use. */
declare module 'socket.io-client-2' {
  interface OldSocket {
    emit(event: string, ...args: unknown[]): void
    close(): void
    on(event: string, listener: (...args: never[]) => void): void
  }
  export default function io(url: string, options: object): OldSocket
}
