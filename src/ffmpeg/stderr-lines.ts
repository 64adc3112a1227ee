type StderrLevel = 'fatal' | 'error' | 'warning' | 'info'

/** Meaning of a line on stderr. */
export type StderrSign =
  // Causes of an end.
  | 'no_such_file'
  | 'no_such_host'
  | 'connection_refused'
  | 'timed_out'
  | 'not_found'
  | 'unauthorized'
  | 'http_error'
  | 'tls_failed'
  | 'address_in_use'
  | 'permission_denied'
  | 'not_media'
  | 'protocol_refused'
  | 'option_unknown'
  | 'encoder_missing'
  | 'connection_lost'
  | 'no_streams'
  // Measurements.
  | 'continuity_error'
  | 'corrupt_packet'
  | 'packets_lost'
  | 'buffer_overrun'
  | 'decode_error'
  | 'timestamp_error'
  | 'other'

export interface StderrLine {
  readonly level: StderrLevel
  readonly sign: StderrSign
  /** Count in the line: 12 for "missed 12 packets". */
  readonly count: number
  /** Without the "[component @ address]" and "[level]" in front. */
  readonly text: string
}

/** "[h264 @ 0x5581] [error] text", "[error] text". */
const PREFIX = /^(?:\[[^\]]+? @ [^\]]+\] )*(?:\[(panic|fatal|error|warning|info|verbose|debug)\] )?/

/** Most specific first. A group in the pattern is the count. */
const SIGNS: readonly (readonly [RegExp, StderrSign])[] = [
  [/^Continuity check failed/, 'continuity_error'],
  [/^RTP: missed (\d+) packets/, 'packets_lost'],
  [/^max delay reached\. need to consume packet/, 'packets_lost'],
  [/\bdropped (\d+) packets\b|RCV-DROPPED (\d+)/i, 'packets_lost'],
  [/^Packet corrupt/, 'corrupt_packet'],
  // Comes with a "Packet corrupt" of its own.
  [/^PES packet size mismatch/, 'other'],
  [/corrupt (?:input|decoded|packet)|^Corrupt/i, 'other'],
  [
    /circular buffer overrun|Circular buffer overrun|Thread message queue blocking/,
    'buffer_overrun',
  ],
  [
    /non.?monoton|Timestamps are unset|Invalid DTS|DTS .*out of order|timestamp discontinuity/i,
    'timestamp_error',
  ],
  [/No such file or directory/, 'no_such_file'],
  [/not on whitelist/, 'protocol_refused'],
  [
    /Failed to resolve hostname|Name or service not known|Temporary failure in name resolution|nodename nor servname/,
    'no_such_host',
  ],
  [/Connection refused/, 'connection_refused'],
  [/Address already in use/, 'address_in_use'],
  [/timed out|Timeout|timeout expired/i, 'timed_out'],
  [
    /(?:Server returned|HTTP error) 404|404 (?:Not Found|Stream Not Found)|StreamNotFound/i,
    'not_found',
  ],
  [
    /(?:Server returned|HTTP error) 40[13]|401 Unauthorized|403 Forbidden|authorization failed|Incorrect passphrase|rejected.*passphrase|BADSECRET/i,
    'unauthorized',
  ],
  [/(?:Server returned|HTTP error) [45]\w\w/, 'http_error'],
  [/\bTLS\b|certificate|SSL/i, 'tls_failed'],
  [/Permission denied|Operation not permitted/, 'permission_denied'],
  [
    /Invalid data found when processing input|moov atom not found|Could not find codec parameters/,
    'not_media',
  ],
  [/Unrecognized option|Option not found|Error setting option/, 'option_unknown'],
  [/Unknown encoder|Encoder not found|No such filter|Unknown decoder/, 'encoder_missing'],
  [/does not contain any stream|matches no streams|Output file is empty/, 'no_streams'],
  [
    /Input\/output error|Connection reset|Broken pipe|End of file|Cannot read RTMP handshake|Server error|Network is unreachable|No route to host|Immediate exit/i,
    'connection_lost',
  ],
  [
    /error while decoding|concealing|decode_slice_header|no frame!|non-existing PPS|Reference \d+ >= |mmco|Missing reference|Error submitting|channel element .* is not allocated|Invalid NAL unit/i,
    'decode_error',
  ],
]

const LEVELS: Readonly<Record<string, StderrLevel>> = {
  panic: 'fatal',
  fatal: 'fatal',
  error: 'error',
  warning: 'warning',
}

export const classifyLine = (line: string): StderrLine => {
  const prefix = PREFIX.exec(line)
  const level = LEVELS[prefix?.[1] ?? ''] ?? 'info'
  const text = line.slice(prefix?.[0].length ?? 0)
  for (const [pattern, sign] of SIGNS) {
    const match = pattern.exec(text)
    if (match !== null) return { level, sign, count: Number(match[1] ?? match[2] ?? 1), text }
  }
  return { level, sign: 'other', count: 1, text }
}

/**
 * Figures of the input from ffmpeg's stderr. FFmpeg checks the continuity counters of a transport stream but reports
 * them only at debug level: they are not measurable through it, and `corruptPackets` is the only trace of a loss.
 */
export interface InputFigures {
  readonly continuityErrors: 'not measurable' | number
  /** Lost on RTP, RTSP or SRT; other protocols do not lose packets, or do not report it. */
  readonly packetsLost: 'not measurable' | number
  readonly corruptPackets: number
  readonly bufferOverruns: number
  readonly decodeErrors: number
  readonly timestampErrors: number
}

export class StderrCounts {
  readonly #counts = new Map<StderrSign, number>()

  addLine({ sign, count }: StderrLine): void {
    this.#counts.set(sign, (this.#counts.get(sign) ?? 0) + count)
  }

  countOf(sign: StderrSign): number {
    return this.#counts.get(sign) ?? 0
  }

  /** `reportsLoss`: the protocol reports losses (RTP, RTSP, SRT). */
  figures(protocol: { readonly reportsLoss: boolean }): InputFigures {
    const continuity = this.countOf('continuity_error')
    const lost = this.countOf('packets_lost')
    return {
      continuityErrors: continuity > 0 ? continuity : 'not measurable',
      packetsLost: protocol.reportsLoss || lost > 0 ? lost : 'not measurable',
      corruptPackets: this.countOf('corrupt_packet'),
      bufferOverruns: this.countOf('buffer_overrun'),
      decodeErrors: this.countOf('decode_error'),
      timestampErrors: this.countOf('timestamp_error'),
    }
  }
}
