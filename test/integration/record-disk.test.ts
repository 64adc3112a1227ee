import { spawnSync } from 'node:child_process'
import { open, readFile, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { outputId } from '../../src/contract/ids.ts'
import { realClock } from '../../src/lib/clock.ts'
import { HttpTs } from '../../src/media/viewers/http-ts.ts'
import { E2eBench } from '../helpers/e2e-bench.ts'
import { isLongForm } from '../helpers/long-form.ts'
import { analyze, ffmpegDecodeErrors, violationCounts, missingTool } from '../helpers/oracles.ts'
import { RecordBench, recordMaterial, type Listed } from '../helpers/record-bench.ts'
import { RunningSluice } from '../helpers/running-sluice.ts'

const missing = missingTool('ffmpeg', 'ffprobe')
const ROUNDS = isLongForm ? 3 : 2
const bench = new RecordBench()
const mounts: string[] = []

afterAll(async () => {
  for (const mount of mounts) spawnSync('umount', ['-l', mount])
  await bench.close()
})

/** A small disk of its own; undefined where that takes rights that we do not have. */
const smallDisk = async (megabytes: number): Promise<string | undefined> => {
  const folder = await bench.folder()
  const args = ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]
  if (spawnSync('mount', args).status !== 0) return undefined
  mounts.push(folder)
  return folder
}

const canMount = (await smallDisk(1)) !== undefined

/** Takes all that is left, but for so much. */
const fill = async (folder: string, leave: number): Promise<() => Promise<void>> => {
  const path = join(folder, 'filler')
  const file = await open(path, 'w')
  const block = Buffer.alloc(64 * 1024)
  let written = 0
  try {
    for (;;) written += (await file.write(block)).bytesWritten
  } catch {
    await file.truncate(Math.max(0, written - leave))
  }
  await file.close()
  return () => rm(path)
}

const skipped = missing ?? (canMount ? undefined : 'mounting a tmpfs takes root')

/** Each test has a program and a disk of its own, and mostly waits for media time. */
describe
  .skipIf(skipped)
  .concurrent(`a full disk${skipped === undefined ? '' : ` (${skipped})`}`, () => {
    test.each([
      { told: 'ENOSPC', minFreeMb: 0, leave: 0, format: 'ts' },
      { told: 'MB are free, less than the 8 to be kept', minFreeMb: 8, leave: 4e6, format: 'ts' },
      { told: 'ENOSPC', minFreeMb: 0, leave: 0, format: 'mp4' },
    ] as const)(
      'stops recording as $format with one alert ($told), and nothing else',
      async ({ told, minFreeMb, leave, format }) => {
        const folder = (await smallDisk(32))!
        const material = await recordMaterial({ size: '640x360', videoBitrate: '3M' })
        const recording = await bench.record(material, { folder, record: { minFreeMb, format } })
        const { rig, output, alerts } = recording
        const viewers = new HttpTs({
          id: outputId('viewers'),
          path: '/stream.ts',
          program: rig.program.ring,
          clock: realClock,
        })
        const server = createServer((request, response) => viewers.accept(request, response))
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
        const stop = new AbortController()
        const served = viewers.run(stop.signal)
        const seen: Uint8Array[] = []
        rig.start()
        const port = (server.address() as AddressInfo).port
        const answer = await fetch(`http://127.0.0.1:${port}/stream.ts`)
        const watching = (async () => {
          for await (const chunk of answer.body!) seen.push(chunk)
        })().catch(() => {})
        await recording.until(({ bytes }) => bytes > 300_000)
        const free = await fill(folder, leave)
        await recording.until(({ state }) => state === 'waiting')
        const files = (await recording.files()).length
        await sleep(3_000)
        expect(alerts.map(({ what }) => what)).toEqual(['disk_full'])
        expect(alerts[0]!.message).toContain(told)
        await free()
        await recording.until(({ state }) => state === 'running')
        expect((await recording.files()).length).toBe(files + 1)
        await sleep(1_500)
        stop.abort()
        await served
        await watching
        server.close()
        await recording.end()
        expect(violationCounts(await analyze(Buffer.concat(seen)))).toEqual([])
        expect(viewers.status().skips).toBe(0)
        for (const name of await recording.files()) {
          expect(await ffmpegDecodeErrors(join(folder, name))).toEqual([])
        }
        expect(alerts.length).toBe(1)
        expect(output.status().skips).toBe(0)
      },
      60_000,
    )
  })

describe.skipIf(missing).concurrent('Sluice killed while it records', () => {
  const e2e = new E2eBench()
  afterAll(() => e2e.close())

  test.each(['ts', 'mp4'])(
    'leaves %s files that play, and records on in the same folder',
    async (format) => {
      const folder = e2e.path(`recordings-${format}`)
      const args = ['-s', 'test:?size=320x180&rate=25', '-o', `record:${folder}?format=${format}`]
      const start = (): Promise<RunningSluice> =>
        RunningSluice.start({ main: e2e.main, args, stateDir: e2e.path(`state-${format}`) })
      for (let round = 1; round <= ROUNDS; round++) {
        const sluice = await start()
        await sluice.until(
          ({ outputs }) => (outputs[0]?.bytes ?? 0) > 30_000 && outputs[0]?.state === 'running',
        )
        await sleep(300 * round)
        await sluice.kill()
      }
      const torn = (await readdir(folder)).filter((name) => name.endsWith(format)).sort()
      expect(torn.length).toBe(ROUNDS)
      const sluice = await start()
      await sluice.until(({ outputs }) => outputs[0]?.state === 'running')
      const { recordings } = await sluice.get<{ recordings: Listed[] }>('/recordings')
      expect(recordings.map(({ name }) => name).slice(1)).toEqual(torn.toReversed())
      await sluice.stop()
      for (const { name, bytes, durationMs } of recordings.slice(1)) {
        const content = await readFile(join(folder, name))
        expect(content.length).toBe(bytes)
        expect(durationMs).toBeGreaterThan(500)
        expect(await ffmpegDecodeErrors(join(folder, name))).toEqual([])
      }
    },
    120_000,
  )
})
