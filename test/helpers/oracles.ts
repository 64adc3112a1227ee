/**
 * Judges of a transport stream: our analyzer, and independent tools on the same file. Each tool call is bounded in
 * time. A tool that is not installed is a reason to skip: ask `missingTool` first.
 */
import { execFile, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AnalysisReport, Violation } from '../../src/analyzer/analysis-report.ts'
import { Analyzer, type AnalyzerOptions } from '../../src/analyzer/analyzer.ts'

const TIMEOUT_MS = 60_000
const OUTPUT_MAX = 256 * 1024 * 1024

type Tool = 'ffmpeg' | 'ffprobe' | 'tsreport' | 'mediainfo' | 'tsinfo'

/** undefined: all are here. Else a sentence, for `describe.skipIf` and the skip's note. */
export const missingTool = (...tools: readonly Tool[]): string | undefined => {
  const missing = tools.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0)
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`
}

/** For the title of what is skipped: it names what is missing. */
export const lacking = (missing: string | undefined): string =>
  missing === undefined ? '' : ` (${missing})`

/** Our own judgement of bytes or a file. Default rules: those of the program. */
export const analyze = async (
  stream: Uint8Array | string,
  options: AnalyzerOptions = { rules: 'program' },
): Promise<AnalysisReport> => {
  const analyzer = new Analyzer(options)
  analyzer.push(typeof stream === 'string' ? await readFile(stream) : stream)
  analyzer.finish()
  return analyzer.report()
}

/** 'code × count' of each error (and warning, when asked for), for a comparison that reads well when it fails. */
export const found = (
  report: AnalysisReport,
  severity: Violation['severity'] | 'any' = 'error',
): string[] =>
  report.violations
    .filter((violation) => severity === 'any' || violation.severity === severity)
    .map((violation) => `${violation.code} × ${violation.count}`)

/** Runs with the path of a file that holds `bytes`, and removes it. */
export const withFile = async <Result>(
  bytes: Uint8Array,
  use: (path: string) => Promise<Result>,
): Promise<Result> => {
  const path = join(tmpdir(), `sluice-oracle-${randomUUID()}.ts`)
  try {
    await writeFile(path, bytes)
    return await use(path)
  } finally {
    await rm(path, { force: true })
  }
}

/** Complaints of tstools: continuity, PCR gaps, DTS order, PTS before DTS, DTS before PCR. */
export const tsreport = async (path: string): Promise<string[]> => {
  const { stdout, stderr } = await runTool('tsreport', ['-buffering', '-q', path])
  return linesOf(stdout + stderr).filter((line) => /###|!!!/.test(line))
}

/** What FFmpeg's demuxer and decoders complain about; decodes everything. */
export const ffmpegDecodeErrors = async (path: string): Promise<string[]> => {
  const { stderr } = await runTool('ffmpeg', [...QUIET, '-v', 'error', ...decodeAll(path)])
  return linesOf(stderr)
}

export interface PicturesDecoded {
  /** Pictures in the file. */
  readonly coded: number
  /** Those that a decoder gives: it may throw away what it holds where a sequence begins (ITU-T H.265, C.5.2.2). */
  readonly shown: number
}

/** Of the first video track, as ffprobe counts and decodes it; both 0 without one. */
export const picturesDecoded = async (path: string): Promise<PicturesDecoded> => {
  const counted = 'stream=nb_read_frames,nb_read_packets'
  const count = ['-select_streams', 'v:0', '-count_frames', '-count_packets']
  const form = ['-show_entries', counted, '-of', 'default=noprint_wrappers=1']
  const { stdout } = await runTool('ffprobe', ['-v', 'quiet', ...count, ...form, path])
  const figure = (name: string): number =>
    Number(new RegExp(`${name}=(\\d+)`).exec(stdout)?.[1] ?? 0)
  return { coded: figure('nb_read_packets'), shown: figure('nb_read_frames') }
}

export interface FfmpegContinuity {
  /** "Continuity check failed". */
  readonly continuity: number
  /** "DTS … out of order", and what its muxer says of time stamps that do not increase. */
  readonly order: number
  /** "PES packet size mismatch", "corrupt" packets. */
  readonly corrupt: number
}

export const ffmpegContinuity = async (path: string): Promise<FfmpegContinuity> => {
  const copy = ['-i', path, '-map', '0:v?', '-map', '0:a?', '-c', 'copy', '-f', 'null', '-']
  const { stderr } = await runTool('ffmpeg', [...QUIET, '-v', 'debug', ...copy])
  const lines = linesOf(stderr)
  const count = (pattern: RegExp): number => lines.filter((line) => pattern.test(line)).length
  return {
    continuity: count(/continuity check failed/i),
    order: count(/out of order|non[- ]monoton/i),
    corrupt: count(/size mismatch|corrupt (?:input|decoded)|packet corrupt/i),
  }
}

export interface ProbedPacket {
  readonly stream: number
  /** Ticks; undefined where ffprobe says N/A. */
  readonly pts: number | undefined
  readonly dts: number | undefined
  readonly size: number
  readonly key: 'key' | 'other'
}

/** Packets in the order of the file; times in ticks of 90 kHz, unwrapped as FFmpeg does it. */
export const ffprobePackets = async (path: string, streams = ''): Promise<ProbedPacket[]> => {
  const select = streams === '' ? [] : ['-select_streams', streams]
  const entries = ['-show_entries', 'packet=stream_index,pts,dts,size,flags', '-of', 'csv=p=0']
  const { stdout } = await runTool('ffprobe', ['-v', 'error', ...select, ...entries, path])
  return linesOf(stdout).map((line) => {
    const [stream, pts, dts, size, flags] = line.split(',')
    return {
      stream: Number(stream),
      pts: ticksOrNone(pts),
      dts: ticksOrNone(dts),
      size: Number(size),
      key: flags?.startsWith('K') === true ? 'key' : 'other',
    }
  })
}

export interface Silence {
  readonly startSeconds: number
  readonly seconds: number
}

/** Stretches of the first audio track below -50 dB that last at least `minSeconds`. */
export const audioSilences = async (path: string, minSeconds = 0.05): Promise<Silence[]> => {
  const filter = `silencedetect=noise=-50dB:duration=${minSeconds}`
  const decode = ['-i', path, '-map', '0:a:0', '-af', filter, '-f', 'null', '-']
  const { stderr } = await runTool('ffmpeg', [...QUIET, '-v', 'info', ...decode])
  return linesOf(stderr).flatMap((line) => {
    const match = /silence_end: ([\d.]+) \| silence_duration: ([\d.]+)/.exec(line)
    if (match === null) return []
    const seconds = Number(match[2])
    return [{ startSeconds: Number(match[1]) - seconds, seconds }]
  })
}

const QUIET = ['-hide_banner', '-nostdin', '-nostats']

const decodeAll = (path: string): string[] => {
  const maps = ['-map', '0:v?', '-map', '0:a?']
  return ['-i', path, ...maps, ...OWN_TIMES, '-f', 'null', '-']
}

/** Pictures keep the stream's times: where 25 and 30 fps follow each other, a frame grid would be ffmpeg's own complaint. */
const OWN_TIMES = ['-fps_mode', 'passthrough', '-enc_time_base', '-1']

const ticksOrNone = (text: string | undefined): number | undefined =>
  text === undefined || text === '' || text === 'N/A' ? undefined : Number(text)

const linesOf = (text: string): string[] => text.split(/\r?\n/).filter((line) => line.trim() !== '')

/** A non-zero exit is part of the answer: damaged files make these tools fail, after they have said what they found. */
const runTool = (
  tool: Tool,
  args: readonly string[],
): Promise<{ stdout: string; stderr: string }> =>
  new Promise((resolve, reject) => {
    const limits = { timeout: TIMEOUT_MS, killSignal: 'SIGKILL' as const, maxBuffer: OUTPUT_MAX }
    execFile(tool, [...args], limits, (error, stdout, stderr) => {
      if (error !== null && (error.killed === true || error.code === 'ENOENT')) reject(error)
      else resolve({ stdout, stderr })
    })
  })
