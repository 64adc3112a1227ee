import { isDeepStrictEqual } from 'node:util'
import type { ChannelChange } from '../../contract/commands.ts'
import type { OutputId, SourceId } from '../../contract/ids.ts'
import type { OutputSpec } from '../../contract/output-spec.ts'
import type { ChannelSpec, SourceSpec } from '../../contract/spec.ts'

export type Operation =
  | { readonly kind: 'remove_output'; readonly id: OutputId }
  | { readonly kind: 'remove_source'; readonly id: SourceId }
  | { readonly kind: 'change_settings'; readonly change: ChannelChange }
  | { readonly kind: 'change_source'; readonly spec: SourceSpec }
  | { readonly kind: 'add_source'; readonly spec: SourceSpec }
  | { readonly kind: 'add_output'; readonly spec: OutputSpec }
  /** All ids in the wanted order. */
  | {
      readonly kind: 'order'
      readonly sources: readonly SourceId[]
      readonly outputs: readonly OutputId[]
    }
  /** A field differs that cannot change on the air. */
  | { readonly kind: 'restart'; readonly spec: ChannelSpec }

/** Operations from one spec to another, in order. Empty: they are the same. Ids are unique within each list. */
export const reconcile = (before: ChannelSpec, after: ChannelSpec): readonly Operation[] => {
  if (!isDeepStrictEqual(fixedPart(before), fixedPart(after))) {
    return [{ kind: 'restart', spec: after }]
  }
  const sources = listChange(before.sources, after.sources)
  const outputs = listChange(before.outputs, after.outputs)
  const change = settingsChange(before, after)
  // An output cannot change on the air: it is closed, and opened again after the old one has ended.
  const closed = [...outputs.removed, ...outputs.changed]
  const opened = after.outputs.filter((spec) =>
    [...outputs.added, ...outputs.changed].includes(spec),
  )
  return [
    ...closed.map(({ id }): Operation => ({ kind: 'remove_output', id })),
    ...sources.removed.map(({ id }): Operation => ({ kind: 'remove_source', id })),
    ...(Object.keys(change).length === 0 ? [] : [{ kind: 'change_settings', change } as const]),
    ...sources.changed.map((spec): Operation => ({ kind: 'change_source', spec })),
    ...sources.added.map((spec): Operation => ({ kind: 'add_source', spec })),
    ...opened.map((spec): Operation => ({ kind: 'add_output', spec })),
    ...order(
      [...sources.kept, ...sources.added],
      [...outputs.kept.filter(notIn(closed)), ...opened],
      after,
    ),
  ]
}

/** The fields that cannot change on the air. */
const fixedPart = (spec: ChannelSpec): object => {
  const { mode: _m, ingest: _i, conform: _c, sources: _s, outputs: _o, ...rest } = spec
  const { mode: _f, revert: _r, ...failover } = spec.failover
  const { message: _t, ...slate } = spec.slate
  return { ...rest, failover, slate }
}

const settingsChange = (before: ChannelSpec, after: ChannelSpec): ChannelChange => {
  const [old, wanted] = [onAirSettings(before), onAirSettings(after)]
  const fields = Object.entries(wanted) as [keyof ChannelChange, string][]
  return Object.fromEntries(fields.filter(([field, value]) => value !== old[field]))
}

const onAirSettings = ({ mode, ingest, conform, failover, slate }: ChannelSpec) => ({
  mode,
  failover: failover.mode,
  revert: failover.revert,
  conform,
  ingest,
  slateMessage: slate.message,
})

interface Identified {
  readonly id: string
}

const notIn =
  (others: readonly Identified[]) =>
  ({ id }: Identified): boolean =>
    !others.some((other) => other.id === id)

const listChange = <Spec extends Identified>(before: readonly Spec[], after: readonly Spec[]) => {
  const old = new Map(before.map((spec) => [spec.id, spec]))
  return {
    removed: before.filter(notIn(after)),
    /** In the old order. */
    kept: before.filter((spec) => !notIn(after)(spec)),
    added: after.filter((spec) => !old.has(spec.id)),
    changed: after.filter((spec) => old.has(spec.id) && !isDeepStrictEqual(spec, old.get(spec.id))),
  }
}

const order = (
  sources: readonly SourceSpec[],
  outputs: readonly OutputSpec[],
  wanted: ChannelSpec,
): Operation[] => {
  const ids = { sources: idsOf(wanted.sources), outputs: idsOf(wanted.outputs) }
  if (isDeepStrictEqual(ids, { sources: idsOf(sources), outputs: idsOf(outputs) })) return []
  return [{ kind: 'order', ...ids }]
}

const idsOf = <Id extends string>(specs: readonly { readonly id: Id }[]): Id[] =>
  specs.map(({ id }) => id)
