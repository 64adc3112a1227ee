/** `code` of a Node error ("ENOENT"); undefined for other errors. */
export const errorCode = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined
