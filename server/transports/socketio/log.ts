/** What the bridge needs of a logger. */
type Write = (fields: object, message: string) => void
export interface BridgeLog {
  readonly debug: Write
  readonly info: Write
  readonly warn: Write
  readonly error: Write
  isLevelEnabled(level: string): boolean
}
