import { SluiceError } from '../contract/errors.ts'

type OptionValue = string | number
export type InputOptions = Readonly<Record<string, OptionValue>>

const NUMBER = /^-?\d+(?:\.\d+)?$/
const WORD = /^[\w.+:/-]{1,64}$/
const TEXT = /^[^\0]{1,4096}$/s

const FFLAGS =
  /^(?:[+-](?:nobuffer|genpts|igndts|ignidx|discardcorrupt|flush_packets|sortdts|fastseek|nofillin|noparse))+$/
const DEMUXERS =
  /^(?:mpegts|flv|live_flv|mov|mp4|matroska|webm|hls|mpeg|avi|asf|ogg|mp3|aac|ac3|eac3|wav|flac|h264|hevc|mpegvideo|mjpeg|mpjpeg|v4l2|alsa|pulse|rtp|rtsp|sdp)$/
const RTSP_TRANSPORT = /^(?:udp|tcp|udp_multicast|http|https)$/

/**
 * Input options a user may give, with their allowed values. Options that name a file, open a listener, or widen the
 * protocol list are excluded.
 */
const ALLOWED: ReadonlyMap<string, RegExp> = new Map<string, RegExp>([
  // Probing and timing.
  ...entries(NUMBER, 'probesize analyzeduration fpsprobesize max_delay ss t itsoffset itsscale'),
  ...entries(NUMBER, 'thread_queue_size threads seek_timestamp use_wallclock_as_timestamps'),
  ['fflags', FFLAGS],
  ['f', DEMUXERS],
  // Devices and raw input.
  ...entries(WORD, 'framerate video_size pixel_format input_format channel channels sample_rate'),
  ...entries(WORD, 'ac ar channel_layout standard timestamps hwaccel'),
  // HTTP and HLS.
  ...entries(TEXT, 'headers user_agent referer cookies auth_type method http_proxy'),
  ...entries(NUMBER, 'rw_timeout timeout stimeout reconnect reconnect_at_eof reconnect_streamed'),
  ...entries(NUMBER, 'reconnect_on_network_error reconnect_delay_max multiple_requests seekable'),
  ...entries(WORD, 'reconnect_on_http_error'),
  ...entries(
    NUMBER,
    'http_persistent http_multiple live_start_index max_reload m3u8_hold_counters',
  ),
  ...entries(NUMBER, 'tls_verify icy'),
  // RTSP, RTP, UDP.
  ['rtsp_transport', RTSP_TRANSPORT],
  ...entries(NUMBER, 'reorder_queue_size buffer_size fifo_size overrun_nonfatal pkt_size ttl'),
  ...entries(NUMBER, 'min_port max_port localport reuse'),
  ...entries(WORD, 'localaddr sources block'),
  // SRT.
  ...entries(NUMBER, 'latency rcvlatency peerlatency pbkeylen connect_timeout tsbpd tlpktdrop'),
  ...entries(NUMBER, 'maxbw ffs ipttl iptos lossmaxttl nakreport payload_size recv_buffer_size'),
  ...entries(WORD, 'mode transtype smoother'),
  ...entries(TEXT, 'passphrase streamid srt_streamid'),
  // RTMP.
  ...entries(
    TEXT,
    'rtmp_app rtmp_playpath rtmp_tcurl rtmp_swfurl rtmp_pageurl rtmp_conn rtmp_flashver',
  ),
  ...entries(WORD, 'rtmp_live rtmp_buffer rtmp_subscribe'),
  // Demuxers.
  ...entries(NUMBER, 'scan_all_pmts merge_pmt_versions resync_size ignore_editlist flv_metadata'),
])

function entries(value: RegExp, names: string): [string, RegExp][] {
  return names.split(' ').map((name) => [name, value])
}

const SECRET_OPTIONS = new Set([
  ...[
    'headers',
    'cookies',
    'passphrase',
    'streamid',
    'srt_streamid',
    'rtmp_playpath',
    'http_proxy',
  ],
  ...['rtmp_tcurl', 'rtmp_conn'],
])

const allowedInputOptions = (): string[] => [...ALLOWED.keys()].sort()

const refuse = (name: string, why: string): never => {
  throw new SluiceError('option_refused', `input option ${JSON.stringify(name)} ${why}`)
}

/** The options, names without their leading "-". Throws 'option_refused' that names the option and what is allowed. */
export const parseInputOptions = (given: InputOptions): Map<string, string> => {
  const parsed = new Map<string, string>()
  for (const [raw, value] of Object.entries(given)) {
    const name = raw.replace(/^-/, '')
    const text = String(value)
    const shape = ALLOWED.get(name)
    if (shape === undefined) {
      return refuse(raw, `is not allowed; allowed are ${allowedInputOptions().join(', ')}`)
    }
    if (!shape.test(text)) return refuse(raw, `cannot have the value ${JSON.stringify(text)}`)
    parsed.set(name, text)
  }
  return parsed
}

/** Values to keep out of logs: whole, and each line of headers after its colon. */
export const secretsOfOptions = (options: ReadonlyMap<string, string>): string[] =>
  [...options].flatMap(([name, value]) => {
    if (!SECRET_OPTIONS.has(name)) return []
    const values = value.split(/\r?\n/).map((line) => line.slice(line.indexOf(':') + 1).trim())
    return [value, ...(name === 'headers' ? values : [])].filter((text) => text !== '')
  })
