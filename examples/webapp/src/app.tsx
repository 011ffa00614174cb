import { lazy, Suspense, useSyncExternalStore } from 'react'
import { Link, Route, Switch, useLocation } from 'wouter'
import { feed } from './chain/feed'
import { useNetwork } from './chain/queries'
import { useStore } from './chain/store'
import { useWeb } from './chain/web'
import Imagine from './pages/imagine'
import { AccountButton } from './ui/account-button'
import { Boundary } from './ui/boundary'
import { ChipIcon, GridIcon, MoonIcon, PulseIcon, ShieldIcon, SparkIcon, SunIcon } from './ui/icons'
import { Empty, Skeleton } from './ui/parts'
import { shownTheme, theme } from './ui/theme'
import { Toasts } from './ui/toast'

const LATER = {
  account: () => import('./pages/account'),
  explore: () => import('./pages/explore'),
  network: () => import('./pages/network'),
  picture: () => import('./pages/picture'),
  validators: () => import('./pages/validators'),
  verify: () => import('./pages/verify'),
}
const Account = lazy(LATER.account)
const Explore = lazy(LATER.explore)
const Network = lazy(LATER.network)
const Picture = lazy(LATER.picture)
const Validators = lazy(LATER.validators)
const Verify = lazy(LATER.verify)

/** Fetches the other pages once this one is there: they open at once then, and while the node is away. */
export function loadPages(): void {
  const load = () => void Promise.allSettled(Object.values(LATER).map((page) => page()))
  setTimeout(load, 1_000)
}

const PAGES = [
  ['/', 'Imagine', SparkIcon],
  ['/explore', 'Explore', GridIcon],
  ['/verify', 'Verify', ShieldIcon],
  ['/validators', 'Validators', ChipIcon],
  ['/network', 'Network', PulseIcon],
] as const

export function App() {
  const [path] = useLocation()
  return (
    <div className="shell">
      <a href="#main" className="skip">
        Skip to the page
      </a>
      <Bar />
      <main id="main" className="page">
        <Boundary key={path}>
        <Suspense fallback={<Skeleton height="60vh" label="Loading" />}>
          <Switch>
            <Route path="/" component={Imagine} />
            <Route path="/p/:job/:image?">
              {({ job, image }) => <Picture key={job} job={job} image={image ?? '1'} />}
            </Route>
            <Route path="/explore" component={Explore} />
            <Route path="/verify" component={Verify} />
            <Route path="/account" component={Account} />
            <Route path="/validators" component={Validators} />
            <Route path="/network" component={Network} />
            <Route>
              <Empty title="There is no such page">
                <p>
                  <Link href="/">Back to Imagine</Link>
                </p>
              </Empty>
            </Route>
          </Switch>
        </Suspense>
        </Boundary>
      </main>
      <Foot />
      <Toasts />
    </div>
  )
}

function Bar() {
  const [path] = useLocation()
  const link = useSyncExternalStore(feed.watch, () => feed.link)
  return (
    <>
      <header className="bar">
        <div className="bar-in">
          <Link href="/" className="brand" aria-label="DAOFusion, Imagine">
            <img src="/icon.svg" alt="" width={28} height={28} />
            <span>DAOFusion</span>
          </Link>
          <nav className="nav" aria-label="Pages">
            {PAGES.map(([href, name, Icon]) => (
              <Link key={href} href={href} state={{ moved: true }} aria-current={path === href ? 'page' : undefined}>
                <Icon size={20} />
                {name}
              </Link>
            ))}
          </nav>
          <div className="bar-end">
            <ThemeButton />
            <AccountButton />
          </div>
        </div>
      </header>
      {link === 'offline' && (
        <div className="offline" role="status">
          The node is away. What you see may be old; this page connects again by itself.
        </div>
      )}
    </>
  )
}

function ThemeButton() {
  useStore(theme)
  const isDark = shownTheme() === 'dark'
  return (
    <button
      type="button"
      className="button icon quiet"
      aria-label={isDark ? 'Use light colours' : 'Use dark colours'}
      onClick={() => theme.set(isDark ? 'light' : 'dark')}
    >
      {isDark ? <SunIcon /> : <MoonIcon />}
    </button>
  )
}

function Foot() {
  const link = useSyncExternalStore(feed.watch, () => feed.link)
  const { data: network } = useNetwork()
  const { data: web } = useWeb()
  return (
    <footer className="foot">
      <div className="foot-in">
        <span className="row">
          <span className="link-dot" data-link={link} aria-hidden="true" />
          {link === 'online' ? 'Connected' : link === 'offline' ? 'Not connected' : 'Connecting'}
          {network && ` · chain ${network.chain_id}`}
          {web?.dev && ' · development network, coins are worth nothing'}
        </span>
        <span>
          <Link href="/verify">Check a picture</Link>
        </span>
      </div>
    </footer>
  )
}
