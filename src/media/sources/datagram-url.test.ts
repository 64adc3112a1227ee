import { describe, expect, test } from 'vitest'
import { isMulticast, parseDatagramUrl, wantsFfmpeg } from './datagram-url.ts'

describe('a datagram url', () => {
  const cases: [string, Partial<ReturnType<typeof parseDatagramUrl>>][] = [
    ['udp://:5000', { scheme: 'udp', host: '0.0.0.0', port: 5000, family: 'udp4' }],
    ['udp://0.0.0.0:5000', { host: '0.0.0.0' }],
    ['udp://localhost:5000', { host: '127.0.0.1' }],
    ['udp://@239.0.0.1:1234?iface=192.0.2.1', { group: '239.0.0.1', interface: '192.0.2.1' }],
    ['udp://239.0.0.1:1234?localaddr=192.0.2.7', { group: '239.0.0.1', interface: '192.0.2.7' }],
    ['udp://192.0.2.9@232.0.0.1:1234', { group: '232.0.0.1', sender: '192.0.2.9' }],
    ['rtp://@232.0.0.1:1234?sources=192.0.2.9', { scheme: 'rtp', sender: '192.0.2.9' }],
    ['rtp://[ff15::1]:5004', { family: 'udp6', group: 'ff15::1' }],
    ['rtp://127.0.0.1:5004?reorder=120&buffer_size=65536', { reorderMs: 120, bufferBytes: 65_536 }],
  ]
  test.each(cases)('%s is understood', (url, expected) => {
    expect(parseDatagramUrl(url)).toMatchObject(expected)
  })

  test('the interface of the source overrides that of the url', () => {
    expect(parseDatagramUrl('udp://@239.0.0.1:1234?iface=10.0.0.1', '10.0.0.2').interface).toBe(
      '10.0.0.2',
    )
  })

  test.each([
    ['udp://', 'must look like'],
    ['udp://127.0.0.1', 'must look like'],
    ['udp://127.0.0.1:0', 'port 0 must be 1 to 65535'],
    ['udp://127.0.0.1:70000', 'port 70000 must be'],
    ['udp://camera.local:5000', '"camera.local" must be an IP address'],
    ['udp://:5000?buffer_size=lots', 'buffer_size=lots must be a whole number'],
  ])('%s is refused with a reason', (url, reason) => {
    expect(() => parseDatagramUrl(url)).toThrow(reason)
  })

  test.each([
    ['udp://:5000?reader=ffmpeg', true],
    ['udp://:5000?a=b&reader=ffmpeg', true],
    ['udp://:5000?xreader=ffmpeg', false],
    ['udp://:5000', false],
  ])('%s asks for FFmpeg: %s', (url, wants) => {
    expect(wantsFfmpeg(url)).toBe(wants)
  })

  test.each([
    ['224.0.0.1', true],
    ['239.255.255.255', true],
    ['240.0.0.1', false],
    ['127.0.0.1', false],
    ['ff02::1', true],
    ['::1', false],
  ])('%s is multicast: %s', (address, multicast) => {
    expect(isMulticast(address)).toBe(multicast)
  })
})
