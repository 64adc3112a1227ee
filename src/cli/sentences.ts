import { type BusId, PROGRAM } from '../contract/ids.ts'
import type { TakeAnswer, TakeDone } from '../contract/commands.ts'
import type { ChannelEvent, StampedEvent } from '../contract/events.ts'
import { stripControls } from './ansi.ts'
import { round, showDuration, showProblem, showTime } from './figures.ts'

const place = (bus: BusId): string => (bus === PROGRAM ? 'on air' : `on ${bus}`)

/** Result of a take, or the reason of its refusal, in one line. */
export const takeSentence = (answer: TakeAnswer): string => {
  if (!answer.ok) return stripControls(`refused (${answer.why}): ${answer.message}`)
  const bus = place(answer.bus)
  return stripControls(
    `${bus}: ${answer.source} (was ${answer.from}), ${takeFacts(answer).join(', ')}`,
  )
}

const takeFacts = (done: TakeDone): string[] => [
  done.executed === done.mode ? done.mode : `${done.executed} instead of ${done.mode}`,
  `wait ${round(done.waitMs, 1)} ms`,
  `gap ${round(done.gapMs, 1)} ms`,
  `A/V ${done.avOffsetMs > 0 ? '+' : ''}${round(done.avOffsetMs, 1)} ms`,
  ...(done.addedDelayMs > 0 ? [`${round(done.addedDelayMs, 0)} ms later`] : []),
  `at program time ${showDuration(done.programTime / 90)}`,
  ...(done.note === undefined ? [] : [done.note]),
]

export type EventLevel = 'debug' | 'info' | 'warn'

export const levelOf = (event: ChannelEvent): EventLevel => {
  switch (event.type) {
    case 'take_requested':
    case 'source_format':
      return 'debug'
    case 'alert':
    case 'gap':
    case 'warning':
    case 'take_refused':
    case 'failover_held':
      return 'warn'
    case 'switched':
      // A take has an event of its own with more facts.
      if (event.cause === 'take') return 'debug'
      return event.cause === 'failover' ? 'warn' : 'info'
    case 'source_health':
      return event.healthy ? 'info' : 'warn'
    case 'source_state':
    case 'output_state':
      return event.state === 'failed' || event.state === 'waiting' ? 'warn' : 'info'
    default:
      return 'info'
  }
}

/** `12:34:56.789 INFO  s1 on air (was s0): take`. */
export const eventLine = ({ at, event }: StampedEvent): string =>
  `${showTime(at)} ${levelOf(event).toUpperCase().padEnd(5)} ${eventSentence(event)}`

export const eventSentence = (event: ChannelEvent): string => stripControls(sentence(event))

const reasonSuffix = (reason: string | undefined): string => (reason ? `: ${reason}` : '')

/** Messages of outputs may start with the output's id. */
const withOutputName = (id: string, message: string): string =>
  message.startsWith(`output ${id}`) ? message : `output ${id}: ${message}`

const viewerText = ({ path, address, agent, others }: ViewerEvent): string =>
  `${path} from ${address} (${agent})${others === undefined ? '' : ` and ${others} others`}`

type ViewerEvent = Pick<
  Extract<ChannelEvent, { type: 'viewer_joined' }>,
  'path' | 'address' | 'agent' | 'others'
>

const sentence = (event: ChannelEvent): string => {
  switch (event.type) {
    case 'channel_started':
      return `channel "${event.name}" started`
    case 'channel_stopped':
      return 'channel stopped'
    case 'format_chosen':
      return `format of the program: ${event.video}, ${event.audio} (from ${event.source ?? event.from})`
    case 'take_requested':
      return `take ${event.source} to ${event.bus}, ${event.mode}`
    case 'take_done':
    case 'take_refused':
      return `take: ${takeSentence(event.answer)}`
    case 'take_displaced':
      return `take ${event.source} waits: failover takes ${event.by} first`
    case 'switched': {
      const problems = event.problems?.map(showProblem).join(', ')
      return `${event.to} ${place(event.bus)} (was ${event.from}): ${event.cause}${reasonSuffix(event.reason ?? problems)}`
    }
    case 'failover_observed':
      return `would fail over from ${event.from} to ${event.to}${reasonSuffix(event.problems.map(showProblem).join(', '))}`
    case 'failover_held':
      return `failover from ${event.source} held${reasonSuffix(event.reason)}`
    case 'source_state': {
      const retry =
        event.retryInMs === undefined
          ? ''
          : `, next attempt in ${round(event.retryInMs / 1_000, 1)} s`
      return `source ${event.source} ${event.state}${reasonSuffix(event.reason)}${retry}`
    }
    case 'source_health':
      return `source ${event.source} ${event.healthy ? 'healthy' : 'unhealthy'}${reasonSuffix(event.problems.map(showProblem).join(', '))}`
    case 'source_format':
      return `source ${event.source}: ${event.video ?? 'no video'}, ${event.audio ?? 'no audio'} (${event.conform})`
    case 'source_added':
    case 'source_changed':
    case 'source_removed':
      return `source ${event.source} ${event.type.slice('source_'.length)}`
    case 'output_added':
    case 'output_removed':
      return `output ${event.output} ${event.type.slice('output_'.length)}`
    case 'output_state':
      return `output ${event.output} ${event.state}${reasonSuffix(event.reason)}`
    case 'alert':
      return `ALERT ${withOutputName(event.output, event.message)}`
    case 'viewer_joined':
      return `viewer ${event.viewer} joined ${viewerText(event)}`
    case 'viewer_left':
      return `viewer ${event.viewer} left ${viewerText(event)}${reasonSuffix(event.reason)}`
    case 'settings_changed':
      return `settings changed: ${JSON.stringify(event.change)}`
    case 'gap':
      return `${event.lost} events (${event.from} to ${event.to}) were lost`
    case 'warning':
      return event.message
  }
}
