/**
 * Message of an error. Node's AggregateError for a host none of whose addresses answers has an empty one: the messages
 * for each address are joined instead.
 */
export const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  if (error.message !== '' || !(error instanceof AggregateError)) return error.message
  return [...new Set(error.errors.map(messageOf))].join('; ')
}
