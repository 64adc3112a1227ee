/** What Node's errors are told apart by ("ENOENT"); undefined for others. */
export const errorCode = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined
