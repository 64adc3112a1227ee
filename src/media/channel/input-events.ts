import type { EventSink } from './channel-parts.ts'
import type { InputEvents } from '../input/input-parts.ts'
import { describeAudio, describeVideo } from '../format/program-format.ts'

/** Reports of a source as events of the channel. `onHealth`: the standing order may have to change. */
export const inputEvents = (events: EventSink, onHealth: () => void): InputEvents => ({
  state: (source, change) => events.logEvent({ type: 'source_state', source, ...change }),
  health: (source, verdict) => {
    onHealth()
    events.logEvent({ type: 'source_health', source, ...verdict })
  },
  format: (source, { video, audio }, conform) => {
    events.logEvent({
      type: 'source_format',
      source,
      video: video === undefined ? null : describeVideo(video),
      audio: audio === undefined ? null : describeAudio(audio),
      conform,
    })
  },
})
