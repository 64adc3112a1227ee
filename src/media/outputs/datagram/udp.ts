import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { DatagramTarget } from './datagram-target.ts'
import { isMulticast } from './datagram-target.ts'

/** One destination for datagrams. */
export interface DatagramSink {
  send(datagram: Uint8Array): void
  close(): Promise<void>
}

/** Large enough for a burst after a busy moment. */
const SEND_BUFFER_BYTES = 1 << 20

/** Rejects when the host is unknown or the local address is not on this machine; errors in sending go to `onError`. */
export const openUdpSink = async (
  target: DatagramTarget,
  onError: (error: Error) => void,
): Promise<DatagramSink> => {
  const address =
    isIP(target.host.split('%')[0]!) === 0 ? (await lookup(target.host)).address : target.host
  const socket = createSocket(isIP(address.split('%')[0]!) === 6 ? 'udp6' : 'udp4')
  const closed = new Promise<void>((resolve) => socket.once('close', resolve))
  const close = (): Promise<void> => {
    socket.close()
    return closed
  }
  try {
    const multicast = isMulticast(address)
    const local = target.localAddress
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.bind(
        { port: 0, ...(local !== undefined && !multicast && { address: local }) },
        resolve,
      )
    })
    socket.setSendBufferSize(SEND_BUFFER_BYTES)
    if (multicast) {
      socket.setMulticastLoopback(true)
      if (target.ttl !== undefined) socket.setMulticastTTL(target.ttl)
      if (local !== undefined) socket.setMulticastInterface(local)
    } else if (target.ttl !== undefined) {
      socket.setTTL(Math.max(1, target.ttl))
    }
    // Connected: no address to resolve for each datagram, and a closed port is reported.
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.connect(target.port, address)
      socket.once('error', reject)
    })
    socket.removeAllListeners('error')
  } catch (error) {
    await close()
    throw error
  }
  socket.on('error', onError)
  socket.on('message', () => {})
  return {
    send: (datagram) =>
      socket.send(datagram, (error) => {
        if (error !== null) onError(error)
      }),
    close,
  }
}
