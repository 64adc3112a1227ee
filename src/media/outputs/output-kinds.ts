import { SluiceError } from '../../contract/errors.ts'
import type { OutputSpec } from '../../contract/output-spec.ts'
import { redactUrl } from '../../lib/redact.ts'
import { DATAGRAM_KIND } from './datagram/datagram-output.ts'
import { FILE_KIND } from './file/file.ts'
import { hlsKinds } from '../packaging/hls-kind.ts'
import { ICECAST_KIND } from './icecast/icecast-kind.ts'
import type { Output } from './interface/output.ts'
import type { OutputContext, OutputKind, OutputParts } from './interface/output-kind.ts'
import { RTMP_KIND } from './push/rtmp-push.ts'
import { SRT_PUSH_KIND } from './push/srt-push.ts'
import { RECORD_KIND } from './record/record-output.ts'

/** In order of matching: a file is any address that no other kind has. */
const outputKinds = (): readonly OutputKind[] => [
  DATAGRAM_KIND,
  RTMP_KIND,
  ICECAST_KIND,
  SRT_PUSH_KIND,
  RECORD_KIND,
  ...hlsKinds(),
  FILE_KIND,
]

/** The kinds of outputs of one channel. */
export class OutputKinds {
  readonly #kinds = outputKinds()

  /** Throws SluiceError as `check` does. */
  open(spec: OutputSpec, parts: OutputParts): Output {
    return this.#checked(spec, parts).createOutput(spec, parts)
  }

  /** Throws SluiceError for a spec that can never be opened, before anything runs. */
  check(spec: OutputSpec, context: Pick<OutputContext, 'channel' | 'env'>): void {
    this.#checked(spec, context)
  }

  #checked(spec: OutputSpec, context: Pick<OutputContext, 'channel' | 'env'>): OutputKind {
    const kind = this.#kinds.find((each) => each.matchesUrl(spec.url))
    if (kind === undefined) throw unclaimed(spec, this.#kinds)
    checkSections(spec)
    kind.checkSpec(spec, context)
    return kind
  }
}

/** Addresses to which each section of options applies. */
const SECTIONS = [
  { name: 'push', of: /^(?:rtmps?|srt|twitch|kick|youtube):/i, said: 'rtmp:, rtmps: and srt:' },
  { name: 'icecast', of: /^icecasts?:/i, said: 'icecast:' },
  { name: 'record', of: /^record:/i, said: 'record:' },
] as const

/** Refuses an option without effect as a mistake. */
function checkSections(spec: OutputSpec): void {
  const misplaced = SECTIONS.find(({ name, of }) => spec[name] !== undefined && !of.test(spec.url))
  if (misplaced === undefined) return
  throw new SluiceError(
    'option_refused',
    `output ${spec.id}: section "${misplaced.name}" belongs to ${misplaced.said} outputs, not to ${redactUrl(spec.url)}`,
  )
}

function unclaimed({ id, url }: OutputSpec, kinds: readonly OutputKind[]): SluiceError {
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0] ?? ''
  return new SluiceError(
    'unsupported_url',
    `output ${id}, url ${JSON.stringify(redactUrl(url))}: "${scheme}" is not an output; ` +
      `use ${kinds.map(({ grammar }) => grammar).join(', ')}`,
  )
}
