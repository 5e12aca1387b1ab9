/** A server with the HTTP routes of these dialects alone. */
import { startServer, type TestServer } from '../harness.ts'

export const startRest = (
  dialects: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<TestServer> => startServer({ env: { SOCKETIO_DIALECTS: dialects.join(','), ...env } })
export type RestServer = TestServer
