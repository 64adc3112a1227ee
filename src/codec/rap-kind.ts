/**
 * Kind of random access point of a picture, found in the coded data (never from a flag alone):
 * H.264 IDR; HEVC IDR, BLA, CRA; MPEG-2 I picture with sequence header; H.264 recovery point SEI.
 * 'none' for every other picture, and for pictures that lack the parameter sets they need.
 */
export type RapKindName = 'none' | 'idr' | 'bla' | 'cra' | 'i_picture' | 'recovery_point'
