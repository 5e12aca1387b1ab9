/**
 * Every failure the system can report, and every way a connection can end. One row per code: transports only look columns
 * up, so a failure is the same failure at every entrance. `retry` says whether the same call may be tried again unchanged.
 */
export const ERRORS = {
  INVALID_INPUT: { http: 400, trpc: 'BAD_REQUEST', retry: false },
  UNAUTHENTICATED: { http: 401, trpc: 'UNAUTHORIZED', retry: false },
  FORBIDDEN: { http: 403, trpc: 'FORBIDDEN', retry: false },
  NOT_FOUND: { http: 404, trpc: 'NOT_FOUND', retry: false },
  CONFLICT: { http: 409, trpc: 'CONFLICT', retry: false },
  /** Another user holds the lock: `data` says who, and for how many ms. */
  LOCKED: { http: 409, trpc: 'CONFLICT', retry: false },
  /** The cursor is of another epoch, beyond the end, or older than the log: take a snapshot and go on from its cursor. */
  RESET: { http: 410, trpc: 'PRECONDITION_FAILED', retry: false },
  TOO_LARGE: { http: 413, trpc: 'PAYLOAD_TOO_LARGE', retry: false },
  RATE_LIMITED: { http: 429, trpc: 'TOO_MANY_REQUESTS', retry: true },
  /** The write queue is full. Nothing was written. */
  OVERLOADED: { http: 503, trpc: 'SERVICE_UNAVAILABLE', retry: true },
  /** The database cannot be reached, or the outcome is not known. With a `clientId` the same call is safe to repeat. */
  UNAVAILABLE: { http: 503, trpc: 'SERVICE_UNAVAILABLE', retry: true },
  TIMEOUT: { http: 504, trpc: 'GATEWAY_TIMEOUT', retry: true },
  INTERNAL: { http: 500, trpc: 'INTERNAL_SERVER_ERROR', retry: false },
} as const satisfies Record<string, { http: number; trpc: string; retry: boolean }>

export type ErrorCode = keyof typeof ERRORS

/** WebSocket close codes of the typed entrance. `comeBack`: the client should reconnect and resume from its cursor. */
export const CLOSES = {
  restart: { code: 1012, reason: 'server restarting', comeBack: true },
  slow: { code: 4008, reason: 'reader too slow', comeBack: true },
  expired: { code: 4001, reason: 'token expired', comeBack: true },
  /** A token from before the revocation is then refused. */
  revoked: { code: 4005, reason: 'token revoked', comeBack: true },
  refused: { code: 4003, reason: 'not authenticated', comeBack: false },
  /** Not by itself; whoever opens a new connection is let in. */
  kicked: { code: 4004, reason: 'closed by an administrator', comeBack: false },
} as const satisfies Record<string, { code: number; reason: string; comeBack: boolean }>

/** A failure in the vocabulary of the table. `message` is shown to the user; `cause` only reaches the log. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly data: Readonly<Record<string, unknown>> | undefined
  constructor(code: ErrorCode, message?: string, options?: { cause?: unknown; data?: Record<string, unknown> }) {
    super(message ?? code, options?.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.data = options?.data
  }
}

/** Anything thrown becomes an AppError; what is not one already becomes INTERNAL, its text hidden in the cause. */
export function toAppError(error: unknown): AppError {
  return error instanceof AppError ? error : new AppError('INTERNAL', 'Internal error', { cause: error })
}
