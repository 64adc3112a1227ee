import type { ChannelChange } from '../../contract/commands.ts'
import { SluiceError } from '../../contract/errors.ts'
import type { OutputId, SourceId } from '../../contract/ids.ts'
import type { OutputSpec } from '../../contract/output-spec.ts'
import type { ChannelSpec, SourceChange, SourceSpec } from '../../contract/spec.ts'

/** Absent fields stay. */
export const withSettings = (spec: ChannelSpec, change: ChannelChange): ChannelSpec => {
  const { slateMessage, failover, revert, ...own } = defined(change)
  return {
    ...spec,
    ...own,
    failover: { ...spec.failover, ...defined({ mode: failover, revert }) },
    slate: { ...spec.slate, ...defined({ message: slateMessage }) },
  }
}

export const withSource = (spec: ChannelSpec, source: SourceSpec): ChannelSpec => {
  if (spec.sources.some(({ id }) => id === source.id)) {
    throw new SluiceError(
      'id_in_use',
      `source "${source.id}" exists already; choose another id, or change it`,
    )
  }
  return { ...spec, sources: [...spec.sources, source] }
}

/** Absent fields stay. */
export const withSourceChange = (
  spec: ChannelSpec,
  id: SourceId,
  change: SourceChange,
): ChannelSpec => {
  requireId('source', id, spec.sources)
  const sources = spec.sources.map((source) =>
    source.id === id ? { ...source, ...defined(change) } : source,
  )
  return { ...spec, sources }
}

export const withoutSource = (spec: ChannelSpec, id: SourceId): ChannelSpec => {
  requireId('source', id, spec.sources)
  return { ...spec, sources: spec.sources.filter((source) => source.id !== id) }
}

export const withOutput = (spec: ChannelSpec, output: OutputSpec): ChannelSpec => {
  if (spec.outputs.some(({ id }) => id === output.id)) {
    throw new SluiceError('id_in_use', `output "${output.id}" exists already; choose another id`)
  }
  return { ...spec, outputs: [...spec.outputs, output] }
}

export const withoutOutput = (spec: ChannelSpec, id: OutputId): ChannelSpec => {
  requireId('output', id, spec.outputs)
  return { ...spec, outputs: spec.outputs.filter((output) => output.id !== id) }
}

const requireId = (
  word: 'source' | 'output',
  id: string,
  existing: readonly { readonly id: string }[],
): void => {
  if (existing.some((spec) => spec.id === id)) return
  const ids = existing.map((spec) => `"${spec.id}"`).join(', ')
  throw new SluiceError(
    `unknown_${word}`,
    `there is no ${word} "${id}"; there ${ids === '' ? 'are none' : `is ${ids}`}`,
  )
}

type Defined<Fields> = { [Name in keyof Fields]: Exclude<Fields[Name], undefined> }

/** Removes fields whose value is undefined. */
const defined = <Fields extends object>(fields: Fields): Partial<Defined<Fields>> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<
    Defined<Fields>
  >
