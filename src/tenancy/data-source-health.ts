/**
 * What a pool knows of its data source's health: the breaker, what the last failure said, and whom
 * a failure concerns. One who waits, where one attempt failed; all of them, where the next attempt
 * would fail too.
 */
import { AddressRefused } from '../database/address-guard';
import { isConnectionLoss } from '../database/postgres-errors';
import { isAppError, tenantUnavailable, type AppError } from '../errors';
import { Breaker, type BreakerState, type Passage } from './breaker';

export interface Failure {
  readonly error: AppError;
  /** The data source is out of reach, or will not serve: everybody is told. */
  readonly isGrave: boolean;
}

export class DataSourceHealth {
  #lastFailure: AppError = tenantUnavailable('DATA_SOURCE_UNREACHABLE');

  constructor(private readonly breaker = new Breaker()) {}

  get state(): BreakerState {
    return this.breaker.state;
  }

  /** What whoever is refused passage is told. */
  get lastFailure(): AppError {
    return this.#lastFailure;
  }

  /** Who is let through as a probe must report, see `Breaker`. */
  pass(): Passage {
    return this.breaker.pass();
  }

  /** The probe ended without telling anything. */
  abandonProbe(): void {
    this.breaker.abandon();
  }

  /** A new connection is there. */
  connected(): void {
    this.breaker.succeed();
  }

  /** A connection could not be had. */
  notConnected(cause: unknown): Failure {
    const error = asUnavailable(cause);
    this.#lastFailure = error;
    // Misconfigured: it will not be better at the next try.
    const isMisconfigured = error === cause;
    if (isMisconfigured) this.breaker.trip();
    return { error, isGrave: isMisconfigured || this.breaker.fail() };
  }

  /** A connection broke under a statement. @returns undefined when that says nothing of others */
  lost(failure: unknown): Pick<Failure, 'isGrave'> | undefined {
    // Silence was confirmed by a connection of its own; a cut may have hit this connection alone.
    if (isAppError(failure) && failure.code === 'TENANT_UNAVAILABLE') {
      this.#lastFailure = failure;
      return { isGrave: this.breaker.fail() };
    }
    return isConnectionLoss(failure) ? { isGrave: false } : undefined;
  }
}

/** What the look at a data source says is kept; any other failure to connect means out of reach. */
function asUnavailable(error: unknown): AppError {
  if (isAppError(error)) return error;
  const reason = error instanceof AddressRefused ? 'ADDRESS_REFUSED' : 'DATA_SOURCE_UNREACHABLE';
  return tenantUnavailable(reason, error);
}
