import type { ReactNode } from 'react'

function icon(children: ReactNode) {
  return function Icon({ size = 18 }: { size?: number }) {
    return (
      <svg
        width={size}
        height={size}
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
      >
        {children}
      </svg>
    )
  }
}

export const SparkIcon = icon(<path d="M12 3l1.9 5.6L19.5 10.5l-5.6 1.9L12 18l-1.9-5.6L4.5 10.5l5.6-1.9zM19 16v4M17 18h4" />)
export const GridIcon = icon(
  <>
    <rect x="3" y="3" width="7" height="7" rx="1.5" />
    <rect x="14" y="3" width="7" height="7" rx="1.5" />
    <rect x="3" y="14" width="7" height="7" rx="1.5" />
    <rect x="14" y="14" width="7" height="7" rx="1.5" />
  </>,
)
export const ShieldIcon = icon(<path d="M12 3l8 3v6c0 5-3.4 8-8 9-4.600-1-8-4-8-9V6zM9 12l2 2 4-4" />)
export const ChipIcon = icon(
  <>
    <rect x="6" y="6" width="12" height="12" rx="2" />
    <path d="M9 2v4M15 2v4M9 18v4M15 18v4M2 9h4M2 15h4M18 9h4M18 15h4" />
  </>,
)
export const PulseIcon = icon(<path d="M3 12h4l3-8 4 16 3-8h4" />)
export const UserIcon = icon(
  <>
    <circle cx="12" cy="8" r="4" />
    <path d="M4 21c1.500-4 4.500-6 8-6s6.500 2 8 6" />
  </>,
)
export const SunIcon = icon(
  <>
    <circle cx="12" cy="12" r="4" />
    <path d="M12 2v2M12 20v2M4.900 4.900l1.400 1.400M17.700 17.700l1.400 1.400M2 12h2M20 12h2M4.900 19.100l1.400-1.400M17.700 6.300l1.400-1.400" />
  </>,
)
export const MoonIcon = icon(<path d="M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z" />)
export const CopyIcon = icon(
  <>
    <rect x="8" y="8" width="13" height="13" rx="2" />
    <path d="M16 8V5a2 2 0 0 0-2-2H5a2 2 0 0 0-2 2v9a2 2 0 0 0 2 2h3" />
  </>,
)
export const CheckIcon = icon(<path d="M4 12.500l5 5L20 6.500" />)
export const CrossIcon = icon(<path d="M6 6l12 12M18 6L6 18" />)
export const AlertIcon = icon(<path d="M12 3l10 18H2zM12 10v5M12 18v.5" />)
export const DiceIcon = icon(
  <>
    <rect x="3" y="3" width="18" height="18" rx="4" />
    <path d="M8 8v.01M16 8v.01M12 12v.01M8 16v.01M16 16v.01" />
  </>,
)
export const DownIcon = icon(<path d="M12 4v11M7 11l5 5 5-5M4 20h16" />)
export const InIcon = icon(<path d="M18 6L6 18M6 9v9h9" />)
export const OutIcon = icon(<path d="M6 18L18 6M9 6h9v9" />)
export const ShareIcon = icon(<path d="M12 15V3M8 7l4-4 4 4M5 12v7a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2v-7" />)
export const WalletIcon = icon(<path d="M3 7a2 2 0 0 1 2-2h13v4M3 7v11a2 2 0 0 0 2 2h16V9H5a2 2 0 0 1-2-2zM16.500 14.500h.01" />)
export const InfoIcon = icon(
  <>
    <circle cx="12" cy="12" r="9" />
    <path d="M12 11v5M12 8v.01" />
  </>,
)
