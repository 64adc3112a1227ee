import { describe, expect, test } from 'vitest'
import { isMulticast, parseDatagramTarget } from './datagram-target.ts'

const PLAIN = { packets: 7, ttl: undefined, localAddress: undefined, bitrate: undefined }

describe('a datagram URL', () => {
  test.each([
    ['udp://127.0.0.1:5000', { ...PLAIN, scheme: 'udp', host: '127.0.0.1', port: 5000 }],
    ['rtp://host.example:5004/', { ...PLAIN, scheme: 'rtp', host: 'host.example', port: 5004 }],
    [
      'udp://@239.1.2.3:1234?ttl=4',
      { ...PLAIN, scheme: 'udp', host: '239.1.2.3', port: 1234, ttl: 4 },
    ],
    ['udp://[ff02::1]:1234', { ...PLAIN, scheme: 'udp', host: 'ff02::1', port: 1234 }],
    [
      'UDP://a:1?pkt_size=1000&bitrate=2.5M',
      { ...PLAIN, scheme: 'udp', host: 'a', port: 1, packets: 5, bitrate: 2_500_000 },
    ],
    [
      'rtp://a:1?localaddr=192.0.2.1',
      { ...PLAIN, scheme: 'rtp', host: 'a', port: 1, localAddress: '192.0.2.1' },
    ],
  ])('%s is understood', (url, target) => {
    expect(parseDatagramTarget(url)).toEqual(target)
  })

  test.each([
    ['http://a:1', 'unsupported_url', /udp:\/\/host:port/],
    ['udp://a', 'unsupported_url', /udp:\/\/host:port/],
    ['udp://a:0', 'unsupported_url', /port 0 must be/],
    ['udp://a:70000', 'unsupported_url', /port 70000 must be/],
    ['udp://[nonsense]:5', 'unsupported_url', /not an IPv6/],
    ['udp://a:1?ttl=256', 'option_refused', /ttl=256 must be a whole number from 0 to 255/],
    ['udp://a:1?pkt_size=100', 'option_refused', /pkt_size=100 must be/],
    ['udp://a:1?localaddr=eth0', 'option_refused', /localaddr=eth0 must be the IP/],
    ['udp://a:1?bitrate=fast', 'option_refused', /bitrate=fast must be bits/],
    ['udp://a:1?constructor=1', 'option_refused', /"constructor" is unknown; known are ttl/],
  ])('%s is refused as %s', (url, code, message) => {
    expect(() => parseDatagramTarget(url)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    )
  })

  test.each([
    ['239.1.1.1', true],
    ['223.1.1.1', false],
    ['240.0.0.1', false],
    ['ff02::1%eth0', true],
    ['fe80::1', false],
  ])('%s multicast: %s', (address, multicast) => {
    expect(isMulticast(address)).toBe(multicast)
  })
})
