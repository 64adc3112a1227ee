import { createReadStream, existsSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FLAWLESS } from '../helpers/capture-verdict.ts'
import { E2eBench, seconds } from '../helpers/e2e-bench.ts'
import { freePort } from '../helpers/ffmpeg-tools.ts'
import { until } from '../helpers/until.ts'

const BASE = 'base=test:?size=320x180&rate=25&bframes=2'
const NGINX_RTMP = '/usr/lib/nginx/modules/ngx_rtmp_module.so'

let bench: E2eBench
let files: Server
beforeAll(() => {
  bench = new E2eBench()
  files = createServer((request, response) => {
    const path = bench.path((request.url ?? '').slice(1).split('?')[0] ?? '')
    if (!existsSync(path)) response.writeHead(404).end()
    else {
      response.writeHead(200, { 'content-length': statSync(path).size })
      createReadStream(path).pipe(response)
    }
  }).listen(0, '127.0.0.1')
})
afterAll(async () => {
  await bench.close()
  files.close()
  files.closeAllConnections()
})

const filesAt = (): string => `http://127.0.0.1:${(files.address() as AddressInfo).port}`

/** An RTMP server with a door to throw its publisher out. */
const startRtmpServer = async () => {
  const [rtmp, http] = [await freePort(), await freePort()]
  writeFileSync(
    bench.path('nginx.conf'),
    `daemon off; user root; worker_processes 1; pid ${bench.path('nginx.pid')};
    error_log ${bench.path('nginx.log')}; load_module ${NGINX_RTMP};
    events {} rtmp { server { listen 127.0.0.1:${rtmp}; application app { live on; } } }
    http { access_log off; server { listen 127.0.0.1:${http}; location /control { rtmp_control all; } } }`,
  )
  bench.program('nginx', ['-c', bench.path('nginx.conf'), '-p', bench.folder])
  await seconds(0.5)
  return {
    url: `rtmp://127.0.0.1:${rtmp}/app/key`,
    drop: () => fetch(`http://127.0.0.1:${http}/control/drop/publisher?app=app&name=key`),
  }
}

describe('sluice run with live sources from the network', () => {
  it('takes SRT (called and calling), UDP, RTP and an RTMP publisher of its own', async () => {
    const [caller, listener, udp, rtp, rtmp] = await Promise.all(
      Array.from({ length: 5 }, () => freePort()),
    )
    const toSrt = (port: number | undefined, mode: string): string =>
      `srt://127.0.0.1:${port}?mode=${mode}`
    bench.encoder({ tone: 500 }, '-f', 'mpegts', toSrt(caller, 'listener'))
    bench.encoder({ tone: 700 }, '-f', 'mpegts', `udp://127.0.0.1:${udp}?pkt_size=1316`)
    bench.encoder({ tone: 800 }, '-f', 'rtp_mpegts', `rtp://127.0.0.1:${rtp}`)
    await seconds(1)
    const sluice = await bench.sluice(
      ...['-s', BASE, '-s', `called=${toSrt(caller, 'caller')}`],
      ...['-s', `calling=${toSrt(listener, 'listener')}`, '-s', `udp=udp://127.0.0.1:${udp}`],
      ...['-s', `rtp=rtp://127.0.0.1:${rtp}`, '-s', `own=rtmp-listen://127.0.0.1:${rtmp}/live/k`],
    )
    await sluice.onAir('base')
    bench.encoder({ tone: 600 }, '-f', 'mpegts', toSrt(listener, 'caller'))
    bench.encoder({ tone: 900 }, '-f', 'flv', `rtmp://127.0.0.1:${rtmp}/live/k`)
    const ids = ['called', 'calling', 'udp', 'rtp', 'own']
    await sluice.ready('base', ...ids)
    const verdict = await bench.watch(sluice, { seconds: 6 }, async () => {
      for (const id of [...ids, 'base']) {
        expect(await sluice.take(id)).toMatchObject({ ok: true, gapMs: 0 })
        await seconds(1)
      }
    })
    expect(verdict).toEqual(FLAWLESS)
    const { sources, program } = await sluice.status()
    expect(program).toMatchObject({ failovers: 0, videoFramesMissing: 0 })
    const loss = Object.fromEntries(sources.map(({ id, lostPackets }) => [id, lostPackets]))
    expect(loss).toMatchObject({ called: 0, calling: 0, udp: null, rtp: 0, own: null })
  })

  it('goes on when a server drops the publisher, and returns when it publishes again', async () => {
    const server = await startRtmpServer()
    bench.encoder({ tone: 500 }, '-f', 'flv', server.url)
    await seconds(1.5)
    writeFileSync(
      bench.path('rtmp.toml'),
      `[failover.thresholds]\nreturnMs = 1000\n[[sources]]\nid = "rtmp"\nurl = "${server.url}"\n` +
        '[[sources]]\nid = "base"\nurl = "test:?size=320x180&rate=25"\n',
    )
    const sluice = await bench.sluice('--config', bench.path('rtmp.toml'))
    await sluice.ready('rtmp', 'base')
    const verdict = await bench.watch(sluice, { seconds: 4 }, async () => {
      await seconds(1)
      await server.drop()
      await sluice.onAir('base')
      bench.encoder({ tone: 500 }, '-f', 'flv', server.url)
      await sluice.onAir('rtmp', 25_000)
      await seconds(1)
    })
    expect(verdict).toEqual(FLAWLESS)
  })

  it('plays a live playlist without a pause between its segments', async () => {
    const hls = '-f hls -hls_time 2 -hls_list_size 4 -hls_flags delete_segments'.split(' ')
    bench.encoder({ tone: 500 }, ...hls, bench.path('live.m3u8'))
    await until(() => existsSync(bench.path('live1.ts')), { what: 'a whole segment' })
    const sluice = await bench.sluice(
      '-s',
      `list=${filesAt()}/live.m3u8`,
      '-s',
      'base=bars:?size=320x180&rate=25',
    )
    await sluice.onAir('list')
    await seconds(4)
    const verdict = await bench.watch(sluice, { seconds: 7 }, () => seconds(9))
    expect(verdict).toEqual(FLAWLESS)
    expect((await sluice.source('list')).burstMs).toBeGreaterThan(1_000)
    expect((await sluice.status()).program).toMatchObject({ onAir: 'list', videoFramesMissing: 0 })
  })
})
