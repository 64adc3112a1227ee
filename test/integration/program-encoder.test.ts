/** Real FFmpeg processes that transcode a real program: what comes out is compared with the program, frame by frame. */
import { getPriority } from 'node:os'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createVideoInspector } from '../../src/codec/video-inspector.ts'
import {
  createEncoderScene,
  muxed,
  sceneFaults,
  orderFaults,
  RUNGS,
  takes,
  type Scene,
  type SceneOptions,
} from '../helpers/encoder-scene.ts'
import type { Rung } from '../../src/media/encode/program-encoder.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { ffmpegDecodeErrors, skipNote, missingTool, withFile } from '../helpers/oracles.ts'
import { testHost, type TestHost } from '../helpers/process-host.ts'
import { FAMILIES, type Family } from '../helpers/rig-families.ts'

const missing = missingTool('ffmpeg')
const WRAP_33 = 2 ** 33

const H264 = FAMILIES[0]!
/** 16:9 in pixels that are not square. */
const FIELDS: readonly Family[] = (['mpeg2video', 'h264'] as const).map((codec) => {
  const shared = {
    ...{ codec, size: '180x144', interlaced: true, gop: 12, seconds: 24 },
    ...{ videoBitrate: '100k', extra: ['-aspect', '16:9'] },
  }
  return { name: `${codec}, interlaced`, a: shared, b: { ...shared, seed: 3, tone: 880 } }
})
const OPEN_GOP: Family = {
  name: 'H.264 open GOP',
  a: { ...H264.a, openGop: true },
  b: H264.b,
}
const SOUND_ONLY: Family = {
  name: 'sound alone',
  a: { codec: 'none', seconds: 24, audioBitrate: '64k' },
  b: { codec: 'none', seconds: 24, audioBitrate: '64k', tone: 880 },
}

describe.skipIf(missing !== undefined)(`the program encoder${skipNote(missing)}`, () => {
  let host: TestHost
  const scenes: Scene[] = []
  beforeEach(() => {
    host = testHost()
  })
  afterEach(async () => {
    await Promise.all(scenes.splice(0).map((scene) => scene.stop()))
    host.close()
  })

  const open = async (family: Family, options: SceneOptions = {}): Promise<Scene> => {
    const scene = await createEncoderScene(host, family, options)
    scenes.push(scene)
    return scene
  }

  describe.each(FAMILIES)('of $name', (family) => {
    it('has every picture at its time, and a key frame at each random access point', async () => {
      const scene = await open(family)
      await takes(scene, 5)
      await scene.end()
      expect(scene.rig.log.cuts.length).toBeGreaterThan(5)
      expect(sceneFaults(scene)).toEqual([])
      expect(scene.warnings).toEqual([])
      for (const rung of [0, 1]) {
        expect(await withFile(muxed(scene.collected, rung), ffmpegDecodeErrors)).toEqual([])
      }
    })
  })

  it.each(FIELDS)('weaves the fields of $name, in square pixels', async (family) => {
    const scene = await open(family)
    await takes(scene, 3)
    await scene.end()
    expect(sceneFaults(scene)).toEqual([])
    const sizes = [0, 1].map((rung) => {
      const { data } = scene.collected.videoRuns[0]![rung]![0]!.unit
      const { width, height, scan } = createVideoInspector('h264').inspect(data).format!
      return `${width}x${height} ${scan}`
    })
    expect(sizes).toEqual(['160x90 progressive', '114x64 progressive'])
  })

  it('makes key frames of recovery points', async () => {
    const scene = await open(OPEN_GOP)
    await scene.play(5_000)
    await scene.end()
    expect(scene.rig.log.videoFrames.filter(({ rap }) => rap).length).toBeGreaterThan(4)
    expect(sceneFaults(scene)).toEqual([])
  })

  it('keeps times exact when the 33 bits of the program wrap', async () => {
    const scene = await open(H264, { start: WRAP_33 - 6 * 90_000 })
    await takes(scene, 3)
    await scene.end()
    expect(scene.rig.log.videoFrames.at(-1)!.pts).toBeGreaterThan(WRAP_33 + 90_000)
    expect(sceneFaults(scene)).toEqual([])
  })

  it('lets another process take over without a loss before its own 33 bits wrap', async () => {
    const scene = await open(H264, { maxSessionTicks: 2 * 90_000 })
    const pids = new Set<number | undefined>()
    for (let k = 0; k < 8; k++) {
      await scene.play(1_000)
      pids.add(scene.encoder.figures().pid)
    }
    await scene.end()
    pids.delete(undefined)
    expect(pids.size).toBeGreaterThan(1)
    expect(scene.collected.videoRuns.length).toBe(1)
    expect(sceneFaults(scene)).toEqual([])
    expect(scene.encoder.figures()).toMatchObject({ restarts: 0, skips: 0 })
  })

  it('encodes each audio track for each rung, and rungs of sound alone', async () => {
    const sound: Rung = { ...RUNGS[0]!, name: 'sound', video: 'none' }
    const scene = await open(H264, { languages: ['eng', 'deu'], rungs: [...RUNGS, sound] })
    await takes(scene, 1)
    await scene.end()
    expect(sceneFaults(scene)).toEqual([])
    const given = scene.collected.audioRuns[0]!.map(
      (rung) => new Set(rung.map(({ track, unit }) => `${track} ${unit.duration}`)),
    )
    expect(given.map((rung) => [...rung].sort())).toEqual([
      ['0 1920', '1 1920'],
      ['0 2160', '1 2160'],
      ['0 1920', '1 1920'],
    ])
    expect(scene.collected.videoRuns[0]![2]).toBeUndefined()
  })

  it('encodes a program without pictures', async () => {
    const scene = await open(SOUND_ONLY)
    await takes(scene, 2)
    await scene.end()
    expect(scene.collected.videoRuns).toEqual([[]])
    expect(sceneFaults(scene)).toEqual([])
  })

  it('says that it began anew when its process was killed, and goes on at a key frame', async () => {
    const scene = await open(H264)
    await scene.play(2_000)
    process.kill(scene.encoder.figures().pid!, 'SIGKILL')
    scene.rig.start()
    await expect
      .poll(() => scene.collected.videoRuns[1]?.[1]?.length ?? 0, { timeout: 20_000 })
      .toBeGreaterThan(20)
    expect(scene.encoder.figures()).toMatchObject({ state: 'running', restarts: 1 })
    expect(scene.encoder.figures().lastError).toMatch(/kill/i)
    expect(scene.warnings.length).toBe(1)
    const [before, after] = scene.collected.videoRuns
    for (const rung of [0, 1]) {
      const [first] = after![rung]!
      expect(first!.unit.rap).toBe('idr')
      const place = scene.rig.log.videoFrames.find(({ pts }) => pts === first!.pts)
      expect(place?.rap).toBe(true)
      expect(orderFaults(before![rung]!)).toEqual([])
      expect(orderFaults(after![rung]!)).toEqual([])
    }
  })

  it('ends a process that is stuck, and starts another', async () => {
    const scene = await open(H264)
    await scene.play(1_000)
    process.kill(scene.encoder.figures().pid!, 'SIGSTOP')
    scene.rig.start()
    await expect
      .poll(() => scene.collected.videoRuns[1]?.[0]?.length ?? 0, { timeout: 40_000 })
      .toBeGreaterThan(0)
    expect(scene.encoder.figures().lastError).toMatch(/gave nothing for \d+ s/)
  })

  it('skips what it was too slow for, and says so', async () => {
    // A clock that stands still: nobody judges that the process is stuck.
    const scene = await open(H264, { clock: new FakeClock() })
    await scene.play(1_000)
    const pid = scene.encoder.figures().pid!
    process.kill(pid, 'SIGSTOP')
    // More than pipes hold, and than may be waited for.
    await scene.rig.runFast(60_000, () => true, new AbortController().signal)
    process.kill(pid, 'SIGCONT')
    await expect.poll(() => scene.encoder.figures().skips, { timeout: 20_000 }).toBe(1)
    scene.rig.start()
    await expect
      .poll(() => scene.collected.videoRuns[1]?.[0]?.length ?? 0, { timeout: 40_000 })
      .toBeGreaterThan(0)
    const [first] = scene.collected.videoRuns[1]![0]!
    expect(scene.rig.log.videoFrames.find(({ pts }) => pts === first!.pts)?.rap).toBe(true)
    expect(scene.encoder.figures()).toMatchObject({ skips: 1, restarts: 0 })
  })

  it('says that it began anew behind a hole in the program', async () => {
    const scene = await open(H264)
    await scene.play(2_000)
    scene.rig.skipTime(8_000)
    scene.rig.run(4_000)
    await scene.play(1_000)
    await scene.end()
    const parts = scene.collected.videoRuns
    expect(parts.length).toBe(2)
    expect(scene.encoder.figures().restarts).toBe(0)
    const entered = parts[1]![0]![0]!.pts
    expect(entered - Math.max(...parts[0]![0]!.map(({ pts }) => pts))).toBeGreaterThan(6 * 90_000)
    expect(scene.rig.log.videoFrames.find(({ pts }) => pts === entered)?.rap).toBe(true)
  })

  it('gives way to the program on a busy machine', async () => {
    const scene = await open(H264)
    await scene.play(500)
    expect(getPriority(scene.encoder.figures().pid)).toBe(Math.min(19, getPriority() + 10))
  })

  it('leaves no process when it is stopped', async () => {
    const scene = await open(H264)
    await scene.play(500)
    const { pid } = scene.encoder.figures()
    await scene.stop()
    expect(() => process.kill(pid!, 0)).toThrow(/ESRCH/)
  })

  it('waits between attempts when its program is not there', async () => {
    const scene = await open(H264, { ffmpeg: '/nowhere/ffmpeg' })
    scene.rig.run(1_000)
    await expect.poll(() => scene.encoder.figures().state).toBe('waiting')
    expect(scene.encoder.figures().lastError).toMatch(/not found/)
    expect(scene.collected.videoRuns).toEqual([[]])
  })
})
