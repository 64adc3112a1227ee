import type { EventLog } from './event-log.ts'
import type { InputEvents } from './input-parts.ts'
import { describeAudio, describeVideo } from './program-format.ts'

/** What happens to a source, as events of the channel. `onHealth`: the standing order may have to change. */
export const inputEvents = (events: EventLog, onHealth: () => void): InputEvents => ({
  state: (input, change) => events.add({ type: 'source_state', source: input.id, ...change }),
  health: (input, verdict) => {
    onHealth()
    events.add({ type: 'source_health', source: input.id, ...verdict })
  },
  format: (input) => {
    const { video, audio } = input.formats
    events.add({
      type: 'source_format',
      source: input.id,
      video: video === undefined ? null : describeVideo(video),
      audio: audio === undefined ? null : describeAudio(audio),
      conform: input.conforming.state,
    })
  },
})
