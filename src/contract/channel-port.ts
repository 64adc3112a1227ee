import type { ChannelChange, TakeAnswer, TakeRequest } from './commands.ts'
import type { StampedEvent } from './events.ts'
import type { OutputId, SourceId } from './ids.ts'
import type { OutputSpec } from './output-spec.ts'
import type { SourceChange, SourceSpec } from './spec.ts'
import type { ChannelStatus } from './status.ts'

/** A channel as seen by the API and the terminal. Commands that fail throw SluiceError. */
export interface ChannelPort {
  take(request: TakeRequest): Promise<TakeAnswer>
  /** Takes the preview source to the program. */
  takePreview(mode?: TakeRequest['mode']): Promise<TakeAnswer>
  change(change: ChannelChange): Promise<void>
  addSource(spec: SourceSpec): Promise<void>
  changeSource(id: SourceId, change: SourceChange): Promise<void>
  removeSource(id: SourceId): Promise<void>
  addOutput(spec: OutputSpec): Promise<void>
  removeOutput(id: OutputId): Promise<void>
  status(): Promise<ChannelStatus>
  /** Calls back for each event after the id given (kept events first), until the returned function is called. */
  events(after: number, listener: (event: StampedEvent) => void): () => void
}
