/**
 * Checkers of a transport stream: our analyzer, and independent tools on the same file. Each tool call has a timeout. A
 * missing tool is a reason to skip: call `missingTool` first.
 */
import { execFile, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AnalysisReport, Violation } from '../../src/analyzer/analysis-report.ts'
import { Analyzer, type AnalyzerOptions } from '../../src/analyzer/analyzer.ts'

const TIMEOUT_MS = 60_000
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024

type Tool = 'ffmpeg' | 'ffprobe' | 'tsreport' | 'mediainfo' | 'tsinfo'

/** Sentence about missing tools, for `describe.skipIf` and the title; undefined: none is missing. */
export const missingTool = (...tools: readonly Tool[]): string | undefined => {
  const missing = tools.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0)
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`
}

/** Note on missing tools for a skipped title. */
export const skipNote = (missing: string | undefined): string =>
  missing === undefined ? '' : ` (${missing})`

/** Report of our analyzer on bytes or a file. Default rules: those of the program. */
export const analyze = async (
  stream: Uint8Array | string,
  options: AnalyzerOptions = { rules: 'program' },
): Promise<AnalysisReport> => {
  const analyzer = new Analyzer(options)
  analyzer.push(typeof stream === 'string' ? await readFile(stream) : stream)
  analyzer.finish()
  return analyzer.report()
}

/** 'code × count' of each error (and, on request, warning), readable in a failed comparison. */
export const violationCounts = (
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

/** Error lines of tstools: continuity, PCR gaps, DTS order, PTS before DTS, DTS before PCR. */
export const tsreport = async (path: string): Promise<string[]> => {
  const { stdout, stderr } = await runTool('tsreport', ['-buffering', '-q', path])
  return linesOf(stdout + stderr).filter((line) => /###|!!!/.test(line))
}

/** Error lines of FFmpeg's demuxer and decoders; decodes everything. */
export const ffmpegDecodeErrors = async (path: string): Promise<string[]> => {
  const { stderr } = await runTool('ffmpeg', [...QUIET, '-v', 'error', ...decodeAll(path)])
  return linesOf(stderr)
}

export interface PicturesDecoded {
  /** Pictures in the file. */
  readonly coded: number
  /** Pictures that a decoder outputs: it may discard held ones at the start of a sequence (ITU-T H.265, C.5.2.2). */
  readonly shown: number
}

/** Pictures of the first video track, by ffprobe; both 0 without one. */
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
  /** "DTS … out of order", and its muxer's lines on time stamps that do not increase. */
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
  /** Ticks; undefined where ffprobe has N/A. */
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

/** Intervals of the first audio track below -50 dB that last at least `minSeconds`. */
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

/** Keeps the stream's timestamps: with 25 and 30 fps in sequence, a frame grid would itself cause errors. */
const OWN_TIMES = ['-fps_mode', 'passthrough', '-enc_time_base', '-1']

const ticksOrNone = (text: string | undefined): number | undefined =>
  text === undefined || text === '' || text === 'N/A' ? undefined : Number(text)

const linesOf = (text: string): string[] => text.split(/\r?\n/).filter((line) => line.trim() !== '')

/** Runs a tool; a non-zero exit is no fault: on damaged files these tools fail after reporting. */
const runTool = (
  tool: Tool,
  args: readonly string[],
): Promise<{ stdout: string; stderr: string }> =>
  new Promise((resolve, reject) => {
    const limits = {
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL' as const,
      maxBuffer: MAX_OUTPUT_BYTES,
    }
    execFile(tool, [...args], limits, (error, stdout, stderr) => {
      if (error !== null && (error.killed === true || error.code === 'ENOENT')) reject(error)
      else resolve({ stdout, stderr })
    })
  })
