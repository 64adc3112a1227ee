import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { judgeFlv, readFlv, videoOf, type FlvTag } from '../../test/helpers/flv-file.ts'
import type { NginxRtmp } from '../../test/helpers/nginx-rtmp.ts'
import { percentile, pause, round } from '../support/figures.ts'

export const KEY = 'bench_4242_sEcReT'
export const SIZE = '320x180'
const TIMES = { pictureMs: 40, soundMs: 1024 / 48 }
const POLL_MS = 10
const PATIENCE_MS = 60_000
/** Bytes above which there is media beside headers. */
const SOME_MEDIA = 2_000

/** Figures of the platform's recordings. */
export const recordedBy = (nginx: NginxRtmp) => {
  const files = nginx.recordings(KEY)
  const tags = files.map(readFlv)
  const verdicts = tags.map((each) => judgeFlv(each, TIMES))
  const sum = (of: (verdict: (typeof verdicts)[number]) => number): number =>
    verdicts.reduce((total, verdict) => total + of(verdict), 0)
  const steps = verdicts.flatMap(({ gaps }) => gaps.map((gap) => Number.parseInt(gap, 10)))
  return {
    on_publish: nginx.publishes.filter(({ app }) => app === 'live').length,
    'media s': round(sum(({ videoTags }) => videoTags) / 25, 0),
    // Greatest timestamp so far: players do not pass it.
    'time reached s': round(tags.reduce((total, each) => total + lastOf(each), 0) / 1_000, 0),
    'DTS back': sum(({ backward }) => backward),
    'gaps > 1.5 fr.': steps.length,
    'longest gap ms': Math.max(0, ...steps),
    'sound holes': sum(({ holes }) => holes.length),
    'decoder errors': files.reduce((total, file) => total + decoderErrorsIn(file), 0),
    'begin with key': tags.filter((each) => videoOf(each)[0]?.kind === 'key').length,
    recordings: files.length,
  }
}

const lastOf = (tags: readonly FlvTag[]): number => videoOf(tags).at(-1)?.dts ?? 0

const decoderErrorsIn = (file: string): number => {
  const own = ['-fps_mode', 'passthrough', '-enc_time_base', '-1']
  const args = ['-nostdin', '-v', 'error', '-i', file, ...own, '-f', 'null', '-']
  const { stderr } = spawnSync('ffmpeg', args, { encoding: 'utf8', maxBuffer: 1e9 })
  return stderr.split('\n').filter((line) => line.trim() !== '').length
}

/** Drops the connection `count` times, each time until media is recorded again. */
export const dropped = async (nginx: NginxRtmp, count: number, betweenMs: number) => {
  const waits: number[] = []
  for (let i = 0; i < count; i++) {
    await pause(betweenMs + Math.random() * 1_000)
    const known = nginx.recordings(KEY).length
    const begun = performance.now()
    await nginx.drop(KEY)
    while (!hasNew(nginx, known)) {
      if (performance.now() - begun > PATIENCE_MS) throw new Error('not back on the air')
      await pause(POLL_MS)
    }
    waits.push(performance.now() - begun)
  }
  return {
    drops: count,
    'back p50 ms': round(percentile(waits, 0.5), 0),
    'back max ms': round(Math.max(...waits), 0),
  }
}

const hasNew = (nginx: NginxRtmp, known: number): boolean => {
  const files = nginx.recordings(KEY)
  return files.length > known && statSync(files.at(-1)!).size > SOME_MEDIA
}
