import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { outputId } from '../../src/contract/ids.ts'
import { millis, ticks } from '../../src/contract/time.ts'
import { realClock } from '../../src/lib/clock.ts'
import { HttpTs } from '../../src/media/viewers/http-ts.ts'
import { Ring } from '../../src/media/ring/ring.ts'
import { readPieces } from './stream.ts'

/** The process under test: a ring fed in real time, and its viewers. Its figures go to the parent every second. */
export const serve = (path: string, bitrate: number): void => {
  const pieces = readPieces(path, bitrate)
  const ring = new Ring({
    maxBytes: 16 << 20,
    minDuration: millis(6_000),
    pids: [0, 4096, 256, 257],
  })
  const http = new HttpTs({
    id: outputId('viewers'),
    path: '/stream.ts',
    program: ring,
    clock: realClock,
    limits: { maxViewers: 5_000 },
  })
  const server = createServer((request, response) => http.accept(request, response))
  let fed = 0
  const feed = (): void => {
    const piece = pieces[fed % pieces.length]!
    ring.append(piece.bytes, ticks(fed * 3_600), piece.randomAccess)
    fed++
  }
  for (let i = 0; i < 100; i++) feed()
  const start = realClock.now()
  realClock.every(10, () => {
    while ((fed - 100) * 40 < realClock.now() - start) feed()
  })
  let late = 0
  let tick = realClock.now()
  realClock.every(10, () => {
    const now = realClock.now()
    late = Math.max(late, now - tick - 10)
    tick = now
  })
  const report = (): void => {
    const lags = http
      .viewers()
      .map((viewer) => viewer.lagMs)
      .sort((a, b) => a - b)
    const { skips, errors } = http.status()
    process.send?.({
      kind: 'figures',
      lags,
      skips,
      errors,
      loopDelay: late,
      rss: process.memoryUsage.rss(),
    })
    late = 0
  }
  realClock.every(1_000, report)
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
    process.send?.({ kind: 'ready', port: (server.address() as AddressInfo).port })
  })
  process.on('disconnect', () => process.exit(0))
}
