/**
 * What an error says. Node's error for a host of several addresses, none of which answers, says nothing itself: those for
 * each address do.
 */
export const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  if (error.message !== '' || !(error instanceof AggregateError)) return error.message
  return [...new Set(error.errors.map(messageOf))].join('; ')
}
