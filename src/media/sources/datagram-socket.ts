import { createSocket, type Socket } from 'node:dgram'
import { SluiceError } from '../../contract/errors.ts'
import type { DatagramAddress } from './datagram-url.ts'

/** Linux reserves twice the size requested (socket(7), SO_RCVBUF) and returns that. */
const KERNEL_BUFFER_FACTOR = process.platform === 'linux' ? 2 : 1

export interface DatagramSocket {
  readonly socket: Socket
  /** Receive buffer that the kernel granted, bytes. */
  readonly kernelBuffer: number
}

/** Opens, joins and sets the receive buffer; throws SluiceError `address_in_use` or `not_reachable`. */
export const openDatagramSocket = async (address: DatagramAddress): Promise<DatagramSocket> => {
  const socket = createSocket({ type: address.family, reuseAddr: address.group !== undefined })
  try {
    await bindSocket(socket, address)
    const kernelBuffer = growBuffer(socket, address.bufferBytes)
    joinGroup(socket, address)
    return { socket, kernelBuffer }
  } catch (error) {
    socket.close()
    throw explainError(address, error)
  }
}

const bindSocket = (socket: Socket, address: DatagramAddress): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.bind({ address: address.host, port: address.port, exclusive: true }, () => {
      socket.off('error', reject)
      resolve()
    })
  })

const growBuffer = (socket: Socket, wanted: number): number => {
  try {
    socket.setRecvBufferSize(wanted)
  } catch {
    // Some systems refuse instead of capping; the size granted before is reported.
  }
  return Math.floor(socket.getRecvBufferSize() / KERNEL_BUFFER_FACTOR)
}

const joinGroup = (socket: Socket, address: DatagramAddress): void => {
  if (address.group === undefined) return
  if (address.sender === undefined) socket.addMembership(address.group, address.interface)
  else socket.addSourceSpecificMembership(address.sender, address.group, address.interface)
}

const explainError = (address: DatagramAddress, error: unknown): SluiceError => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const where = `${address.scheme}://${address.host}:${address.port}`
  const sentences: Record<string, string> = {
    EADDRINUSE: `port ${address.port} is in use by another program`,
    EADDRNOTAVAIL: `${address.host} is not an address of this machine`,
    EACCES: `port ${address.port} needs privileges`,
    ENODEV: `no network interface has the address ${address.interface ?? 'of the default route'}; name one with iface=`,
  }
  const sentence = sentences[code] ?? (error instanceof Error ? error.message : String(error))
  return new SluiceError(
    code === 'EADDRINUSE' ? 'address_in_use' : 'not_reachable',
    `cannot listen on ${where}: ${sentence}`,
    { cause: error },
  )
}
