import { test } from 'vitest'
import { encodeTs, encodeTsFile } from '../../test/helpers/stream-builder.ts'
import { analyze, found, tsreport } from '../../test/helpers/oracles.ts'
import { Analyzer } from './analyzer.ts'
test('explore', async () => {
  const path = await encodeTsFile({ seconds: 3, extra: ['-muxdelay','0','-muxpreload','0','-pes_payload_size','0']})
  console.log(found(await analyze(path, {}), 'any'), await tsreport(path))
  for (const spec of [{ videoBitrate: '3M', size: '1280x720', pattern:'mandelbrot', seconds: 3 }, {seconds: 4}] as const) {
  const bytes = await encodeTs(spec)
  const n = Math.ceil(100e6 / bytes.length)
  const a = new Analyzer()
  const t = performance.now()
  let total = 0
  for (let i = 0; i < n; i++) for (let at = 0; at < bytes.length; at += 65536) { const c = bytes.subarray(at, at + 65536); a.push(c); total += c.length }
  a.finish()
  const s = (performance.now() - t) / 1000
  console.log('MB/s', total / 1e6 / s, a.report().violations.map(v => v.code + v.count).join(' '))
  }
}, 60000)
