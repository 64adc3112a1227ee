import { SluiceError, type ErrorCode } from '../contract/errors.ts'
import { findFfmpeg } from '../ffmpeg/capabilities.ts'
import { probe, type ProbedTrack, type ProbeResult } from '../ffmpeg/probe.ts'
import { redactUrl } from '../lib/redact.ts'
import { processHost } from '../process/host.ts'
import { openLedger } from '../process/ledger.ts'
import { stripControls } from './ansi.ts'
import { round, showDuration } from './figures.ts'
import type { ProbeUrl } from './probe.ts'

const TIMEOUT_MS = 20_000

/** Probes with the FFmpeg of this machine. */
export const probeUrl: ProbeUrl = async (url, { ffmpeg: path, signal }) => {
  const ledger = openLedger()
  try {
    const host = processHost(ledger)
    const ffmpeg = await findFfmpeg(host, path === undefined ? {} : { ffmpeg: path }, signal)
    const request = { url, inputOptions: {}, timeoutMs: TIMEOUT_MS }
    const result = await probe({ host, ffmpeg }, request, signal)
    const shown = redactUrl(url)
    if (!result.ok) {
      throw new SluiceError(
        ERROR_CODES[result.why] ?? 'not_media',
        `${JSON.stringify(shown)}: ${result.sentence}`,
      )
    }
    return { lines: probeLines(shown, result), report: { url: shown, ...result } }
  } finally {
    ledger.close()
  }
}

/** Causes of FFmpeg's end that are not about the content of the input. */
const ERROR_CODES: Readonly<Record<string, ErrorCode>> = {
  timed_out: 'not_reachable',
  connection_refused: 'not_reachable',
  connection_lost: 'not_reachable',
  no_such_host: 'not_reachable',
  not_found: 'not_reachable',
  http_error: 'not_reachable',
  tls_failed: 'not_reachable',
  no_such_file: 'file_missing',
  permission_denied: 'file_missing',
  address_in_use: 'address_in_use',
  protocol_refused: 'unsupported_url',
  option_unknown: 'option_refused',
  unauthorized: 'unauthorized',
}

/** One line for the container and one for each track. */
export const probeLines = (url: string, result: ProbeResult & { readonly ok: true }): string[] => {
  const { durationSeconds: seconds, problem } = result
  const length = seconds === undefined ? '' : `, ${showDuration(seconds * 1_000)}`
  return [
    `${url}: ${result.format}${length}`,
    ...result.tracks.map((track) => `  ${track.index} ${trackLine(track)}`),
    problem === undefined ? '  can be carried as it is' : `  must be transcoded: ${problem}`,
  ].map(stripControls)
}

const trackLine = (track: ProbedTrack): string => {
  const { kind, codec, profile, language, frameRate } = track
  const facts = [
    profile === '' ? codec : `${codec} (${profile})`,
    ...(track.width === undefined
      ? []
      : [`${track.width}x${track.height} ${track.scan ?? ''}`.trim()]),
    ...(frameRate === undefined ? [] : [`${round(frameRate.num / frameRate.den, 3)} fps`]),
    ...(track.pixelFormat === undefined ? [] : [track.pixelFormat]),
    ...(track.sampleRate === undefined ? [] : [`${track.sampleRate} Hz`]),
    ...(track.channels === undefined ? [] : [`${track.channels} channels`]),
  ]
  return `${kind}${language === undefined ? '' : ` [${language}]`}: ${facts.join(', ')}`
}
