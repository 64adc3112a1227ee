import { SluiceError } from '../../contract/errors.ts'
import { SLATE, type SourceId } from '../../contract/ids.ts'
import type { OutputSpec } from '../../contract/output-spec.ts'
import type { Input } from '../input/input.ts'
import type { Buses } from '../program/buses.ts'
import type { SlateMaterial } from '../slate/slate-material.ts'
import type { ChannelOutputs } from './channel-outputs.ts'
import type { EventSink } from './channel-parts.ts'
import type { ChannelSettings } from './channel-settings.ts'
import type { InputList } from './input-list.ts'
import type { Operation } from './reconcile.ts'

export interface SpecChangeParts {
  readonly inputs: InputList
  readonly outputs: ChannelOutputs
  readonly settings: ChannelSettings
  readonly events: EventSink
  /** Undefined until the program is on the air. */
  readonly buses: () => Buses | undefined
  readonly makeSlate: (message: string) => Promise<SlateMaterial>
  readonly checkOutput: (spec: OutputSpec) => void
  readonly now: () => number
  /** The standing order may have to change. */
  readonly onChanged: () => void
}

/** Parts opened or made before anything is changed. */
interface Prepared {
  readonly opened: ReadonlyMap<SourceId, Input>
  readonly slate: SlateMaterial | undefined
}

/** Applies a change of the wanted state on the air. All refusals come before the first step. */
export async function applyOperations(
  operations: readonly Operation[],
  parts: SpecChangeParts,
): Promise<void> {
  const prepared = await prepare(operations, parts)
  for (const operation of operations) {
    if (operation.kind === 'remove_output') await parts.outputs.removeOutput(operation.id)
    else perform(operation, prepared, parts)
  }
}

async function prepare(
  operations: readonly Operation[],
  parts: SpecChangeParts,
): Promise<Prepared> {
  for (const operation of operations) {
    if (operation.kind !== 'add_output') continue
    requireProgram(parts)
    parts.checkOutput(operation.spec)
  }
  const sources = operations.flatMap((operation) =>
    operation.kind === 'add_source' || operation.kind === 'change_source' ? [operation.spec] : [],
  )
  const opened = parts.inputs.openFor(sources)
  const settings = operations.find((operation) => operation.kind === 'change_settings')
  const message = settings?.change.slateMessage
  if (message !== undefined) requireProgram(parts)
  return { opened, slate: message === undefined ? undefined : await parts.makeSlate(message) }
}

function perform(operation: Operation, { opened, slate }: Prepared, parts: SpecChangeParts): void {
  const { inputs, outputs, events } = parts
  switch (operation.kind) {
    case 'change_settings': {
      const { change } = operation
      if (slate !== undefined) parts.buses()?.setSlate(slate)
      parts.settings.applyChange(change)
      if (change.conform !== undefined) for (const input of inputs.all()) input.replanConform()
      events.logEvent({ type: 'settings_changed', change: { ...change } })
      break
    }
    case 'add_source':
      inputs.putSource(operation.spec, opened, parts.now())
      addReaders(operation.spec.id, parts)
      // A channel that started without sources wants its first one.
      parts.buses()?.program.setWantedIfUnset(operation.spec.id)
      events.logEvent({ type: 'source_added', source: operation.spec.id })
      break
    case 'change_source':
      inputs.putSource(operation.spec, opened, parts.now())
      if (opened.has(operation.spec.id)) addReaders(operation.spec.id, parts)
      events.logEvent({ type: 'source_changed', source: operation.spec.id })
      break
    case 'remove_source':
      removeSource(operation.id, parts)
      break
    case 'add_output':
      outputs.addOutput(operation.spec)
      break
    case 'order':
      inputs.reorder(operation.sources)
      outputs.reorder(operation.outputs)
      break
    case 'remove_output':
    case 'restart':
      throw new Error(`${operation.kind} is not for here`)
  }
  parts.onChanged()
}

function removeSource(id: SourceId, { inputs, buses, events }: SpecChangeParts): void {
  inputs.removeSource(id)
  const next = inputs.byPriority()[0]?.id ?? SLATE
  for (const controller of buses()?.all() ?? []) controller.onSourceRemoved(id, next)
  events.logEvent({ type: 'source_removed', source: id })
}

function addReaders(id: SourceId, { buses }: SpecChangeParts): void {
  for (const controller of buses()?.all() ?? []) controller.addReaderOf(id)
}

function requireProgram({ buses }: SpecChangeParts): void {
  if (buses() !== undefined) return
  throw new SluiceError(
    'not_reachable',
    'the program has not started yet: try again in some seconds',
  )
}
