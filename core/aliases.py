"""Other systems' words for why nothing was sent, and what each is here: for the import.

shape   ALIASES {spelling: ReasonCode | Family}; `alias_of(text)` in whatever case, also by pattern
rule    A spelling with one meaning that we have a code for is that code; one that is wider, or
        about something that is no gate of ours, keeps its family; sizes that were changed and
        orders that were let through are no reasons but markers. A raw word is never thrown away:
        whoever imports it keeps it beside what it means here
source  VOCABULARY.md 2.3
"""

from enum import StrEnum
from types import MappingProxyType

from core.reasons import ReasonCode


class Family(StrEnum):
    """What a spelling is about that has no code of its own here."""

    INPUT = "input"
    HALT = "halt"
    SESSION = "session"
    BROKER = "broker"
    RATE = "rate"
    DUPLICATE = "duplicate"
    SIZE = "size"
    SHORT = "short"
    QUOTE = "quote"
    LIQUIDITY = "liquidity"
    COST = "cost"
    COOLDOWN = "cooldown"
    SIGNAL = "signal"
    POSITION = "position"
    PAPER_SAMPLING = "paper_sampling"
    MARKER = "marker"


Meaning = ReasonCode | Family
_C = ReasonCode
_F = Family

_SPELLINGS: tuple[tuple[Meaning, str], ...] = (
    # input
    (_C.SIGNAL_INVALID, """
        INVALID_QTY_BLOCK INVALID_QTY invalid_qty INVALID_PRICE_BLOCK INVALID_PRICE
        INVALID_ORDER_SIDE_BLOCK SYMBOL_INVALID ambiguous_qty_notional notional_requires_market
        unsupported_order_type invalid_limit_price precheck_limit_price_invalid validation_failed
        SIGNAL_INVALID SIGNAL_NAN"""),
    (_C.SIZE_BELOW_LOT, "quantity_too_small ZERO_QTY below_min_qty"),
    (_F.INPUT, "missing_submit_context ORDER_INTENT_BLOCKED"),
    # halt and mode
    (_C.HALT_KILL_SWITCH, "KILL_SWITCH_BLOCK HALT_TRADING"),
    (_C.RECONCILE_MISMATCH, "RECON_MISMATCH_HALT reconciliation_openings_freeze"),
    (_C.LOSS_DAILY, "DAILY_RISK_BUDGET_HARD_STOP DAILY_RISK_BUDGET_BLOCK"),
    (_F.HALT, """
        AUTH_HALT AUTH_BROKER_HALT AUTH_BROKER_HALT_UNAUTHORIZED AUTH_BROKER_HALT_FORBIDDEN
        AUTH_BROKER_HALT_TOKEN_EXPIRED AUTH_BROKER_HALT_CREDENTIALS_MISSING
        AUTH_BROKER_HALT_PERMISSION_DENIED INVARIANT_HALT PROGRAMMING_HALT UNKNOWN_HALT
        RECON_ERROR_HALT WEEKLY_RISK_BUDGET_HARD_STOP EXTREME_VOLATILITY_HALT SAFE_MODE_BLOCK
        EFFECTIVE_POLICY_INVALID execution_phase_gate warmup_data_only launch_profile_gate
        runtime_gonogo_gate runtime_gonogo_eval_failed REPLAY_LIVE_PARITY_GATE_FAILED
        REPLAY_DETERMINISM_FAILED REPLAY_GOVERNANCE_INVARIANTS_FAILED GOVERNANCE_GUARD_FAILED
        LEAKAGE_GUARD_FAILED PAPER_BURN_IN_BLOCK BURN_IN_CONFIG_HASH_MISMATCH
        BURN_IN_POLICY_HASH_MISMATCH initialization_failed pre_execution_checks_failed
        pre_execution_order_checks_failed PRE_TRADE_CHECKS_FAILED durable_oms_unavailable
        PRETRADE_VALIDATION_ERROR PRETRADE_VALIDATION_FAIL_OPEN"""),
    # session
    (_C.SESSION_CLOSED, """
        MARKET_HOURS_BLOCK MARKET_CLOSED_BLOCK IDLE_MARKET_CLOSED MARKET_CLOSED_SKIP_SYMBOL
        before_window after_close weekend"""),
    (_C.SESSION_UNKNOWN, "session_close_unknown"),
    (_C.SESSION_AFTER_OPEN, "open_auction_blackout"),
    (_C.SESSION_BEFORE_CLOSE, "close_auction_blackout eod_flatten_window session_close_window"),
    (_C.ORDER_BEFORE_CLOSE, "hard_cancel_before_close"),
    (_F.SESSION, "EVENT_RISK_BLACKOUT_BLOCK custom_window:* same_day_trade_blocked"),
    # broker and lockout
    (_C.ACCOUNT_MISSING, "account_unavailable ACCOUNT_UNAVAILABLE"),
    (_C.OUTCOME_UNKNOWN, """
        submit_exception submit_no_result submit_no_result_internal invalid_order_response"""),
    (_C.BROKER_REFUSED, "nonretryable_rejected nonretryable_retry_failed ORDER_REJECTED_SKIP"),
    (_F.BROKER, """
        BROKER_NOT_READY_BLOCK AUTH_BROKER_HALT_FORBIDDEN_COOLDOWN CIRCUIT_OPEN_broker_submit
        CIRCUIT_OPEN_broker_positions CIRCUIT_OPEN_broker_open_orders CIRCUIT_OPEN_data_primary
        unauthorized broker_lock broker_unauthorized broker_unavailable
        broker_open_orders_unavailable submit_no_result_symbol_backoff
        submit_no_result_fingerprint_backoff submit_no_result_broker_health_backoff
        BROKER_STATE_RETRY NET_RETRY adapter_unavailable adapter_build_failed
        provider_cooldown_active all_providers_failed_or_cooling_down
        live_mode_disallows_simulated_broker_failover"""),
    # rate and pacing
    (_C.RATE_ORDERS, """
        RATE_THROTTLE_BLOCK submit_rate_limit order_pacing_cap TRADE_QUOTA_EXHAUSTED_SKIP
        TRADE_FREQUENCY_LIMIT"""),
    (_C.RATE_MESSAGES, "CANCEL_RATE_BLOCK"),
    (_C.RATE_NO_PERMIT, "RATE_LIMIT_RETRY submit_rate_limit_timeout broker_retry_after"),
    (_C.ORDERS_OPEN, "max_concurrent_orders max_open_orders_global"),
    (_C.ORDERS_OPEN_SYMBOL, "max_open_orders_per_symbol"),
    (_F.RATE, """
        CANCEL_LOOP_BLOCK submit_rate_lock_busy submit_rate_state_error symbol_replace_budget"""),
    # duplicate and conflict
    (_C.DUPLICATE_INTENT, """
        DUPLICATE_ORDER_BLOCK DUPLICATE_INTENT_PRECHECK duplicate_intent cycle_duplicate_intent
        duplicate_client_order_id duplicate_order BAR_DEDUP"""),
    (_C.DUPLICATE_OPPOSITE, "opposite_side_conflict opposite_side_conflict_retry"),
    (_F.DUPLICATE, "SKIP_DUPLICATE_POSITION STOP_LOCK cover_order_failed"),
    # size, exposure, capital
    (_C.POSITION_REVERSAL, """
        cover_order_submitted cover_then_long_remaining_qty
        PRE_SUBMIT_INSUFFICIENT_POSITION_AVAILABLE insufficient_position_available
        insufficient_short_position_available sell_short_cannot_close_position"""),
    (_C.SIZE_NOTIONAL_MIN, """
        below_min_notional opening_min_notional ENTRY_CONSTRAINED_MIN_NOTIONAL_PRECHECK"""),
    (_C.EXPOSURE_SYMBOL, "SYMBOL_NOTIONAL_BLOCK RISK_CAP_SYMBOL"),
    (_C.EXPOSURE_GROSS, "GROSS_NOTIONAL_BLOCK RISK_CAP_PORTFOLIO gross_exposure_over_cap"),
    (_C.EXPOSURE_NET, "net_exposure_over_cap"),
    (_C.EXPOSURE_GROUP, """
        SECTOR_CONCENTRATION_BLOCK FACTOR_CONCENTRATION_BLOCK CORR_CLUSTER_CAP"""),
    (_C.LOSS_DRAWDOWN, "INTRADAY_DRAWDOWN_BLOCK"),
    (_C.CAPITAL_BUYING_POWER, """
        buying_power_below_floor INSUFFICIENT_BUYING_POWER insufficient_buying_power
        insufficient_day_trading_buying_power not_enough_equity"""),
    (_C.PRICE_COLLAR, "PRICE_COLLAR_BLOCK"),
    (_F.SIZE, """
        ORDER_SIZE_BLOCK INTRADAY_VAR_BLOCK INTRADAY_CVAR_BLOCK TURNOVER_CAP
        exposure_normalization_gate portfolio_overlap_risk_gate PORTFOLIO_OPTIMIZER_*
        UNCERTAINTY_CAPITAL_BLOCK"""),
    # short
    (_C.SHORT_UNAVAILABLE, """
        NOT_SHORTABLE NOT_EASY_TO_BORROW SHORTING_UNAVAILABLE no_shares_available"""),
    (_C.SHORT_DISABLED, """
        shorting_disabled shorting_not_permitted short_open_blocked open_short_blocked_long_only
        LONG_ONLY_SHORT_SUPPRESSED SKIP_SHORT_ACCOUNT_MARGIN_DISABLED"""),
    (_C.SHORT_PRICE_TEST, "SKIP_SHORT_SSR_ACTIVE"),
    (_F.SHORT, "short_precheck_failed no_short_position sell_short_requires_sell_to_open"),
    # quote and data
    (_C.QUOTE_STALE, """
        STALE_QUOTE_BLOCK EXECUTION_QUALITY_STALE_QUOTE_BLOCK stale_quote future_quote_timestamp
        quote_timestamp_missing"""),
    (_C.QUOTE_SPREAD, "EXECUTION_QUALITY_SPREAD_BLOCK"),
    (_C.QUOTE_CROSSED, "negative_spread"),
    (_C.QUOTE_MISSING, """
        NBBO_REQUIRED_OPENING_SKIP NBBO_MISSING_BLOCK realtime_nbbo_required no_quote
        missing_bid_ask"""),
    (_F.QUOTE, """
        QUOTE_SANITY_BLOCK NBBO_TERMINAL_FALLBACK_BLOCK nbbo_provider_mismatch
        primary_quote_required price_gate fallback_price_invalid fallback_price_disabled
        nbbo_missing_fallback_price degraded_feed_block broker_rejected_degraded_quote
        DEGRADED_QUOTE_BLOCK INVALID_QUOTE_BLOCK PRICE_SOURCE_BLOCK UNRELIABLE_PRICE_BLOCK
        LAST_CLOSE_ONLY_BLOCK FEED_RELIABILITY_BLOCK DERISK_DATA_QUALITY_BLOCK
        DERISK_PRIMARY_FEED_BLOCK DATA_FETCH_UNAVAILABLE FEATURE_DATA_UNAVAILABLE EMPTY_FRAME
        PROCESS_SYMBOL_EMPTY_BARS BAD_DATA_CONTRACT BAD_DATA_SKIP PROVIDER_SCHEMA_DISABLE
        AUTH_PROVIDER_DISABLE NO_FINALIZED_DAY_BAR NO_NEW_BAR SKIP_PARTIAL_BAR MISSING_FEATURES
        ENTRY_BLOCKED_DEGRADED_MINUTE_DATA ENTRY_BLOCKED_FEED_RELIABILITY
        DEGRADED_FEED_SKIP_SYMBOL"""),
    # liquidity
    (_C.LIQUIDITY_PARTICIPATION, """
        PARTICIPATION_CAP_BLOCK participation_cap_exceeded participation_zero_capacity
        LIQ_PARTICIPATION_BLOCK"""),
    (_C.LIQUIDITY_VOLUME, "liquidity_too_low liquidity_metric_missing"),
    (_F.LIQUIDITY, """
        LIQ_THIN_MAX_ORDER_BLOCK LIQUIDITY_PRECHECK_FAILED_BLOCK CAPACITY_THROTTLE_BLOCK
        passive_fill_probability_low fill_probability_score_gate"""),
    # cost and analysis of it
    (_C.COST_EDGE, """
        COST_GATE EDGE_FLOOR_GATE NET_EDGE_FLOOR_GATE EDGE_COST_RATIO_GATE COST_AWARE_ENTRY_GUARD
        expected_edge_missing expected_edge_nonpositive"""),
    (_F.COST, """
        SLIPPAGE_CEILING_BLOCK TCA_GATE_BLOCK FILL_QUALITY_GATE_BLOCK TCA_STALE_BLOCK
        TCA_OUT_OF_BOUNDS_BLOCK LIVE_COST_ARTIFACT_MISSING_BLOCK LIVE_COST_ARTIFACT_STALE_BLOCK
        EXECUTION_QUALITY_LIVE_COST_BLOCK SYMBOL_EXPECTANCY_SLIPPAGE_BLOCK edge_budget_gate
        edge_realism_gate expected_edge_confidence_gate symbol_intraday_slippage_budget
        adverse_selection_risk_gate execution_quality_pause runtime_capture_derisk
        runtime_stop_bleed DERISK_SLO_BREACH_BLOCK metrics_improvement_control
        metrics_improvement_exploration_budget symbol_live_expectancy_gate
        EXECUTION_APPROVAL_BLOCK"""),
    # cooldown and quarantine
    (_C.COOLDOWN_LOSS, "symbol_loss_cooldown"),
    (_C.COOLDOWN_REENTRY, """
        symbol_reentry_cooldown ENTRY_CONSTRAINED_SYMBOL_REENTRY_COOLDOWN_PRECHECK
        TRADE_COOLDOWN_ACTIVE"""),
    (_C.SYMBOL_RESTRICTED, "SYMBOL_QUARANTINED SYMBOL_UNIVERSE_MODE_BLOCK"),
    (_F.COOLDOWN, """
        symbol_repeat_loss_blocklist REVERSED_SIGNAL_COOLDOWN SLEEVE_QUARANTINED
        RUNTIME_DECAY_CONTROL_BLOCK RUNTIME_DECAY_ARTIFACT_STALE_BLOCK opening_recovery_regime
        regime_entry_throttle regime_stability_gate"""),
    # signal and model
    (_C.SIGNAL_NONE, "LOW_OR_NO_SIGNAL"),
    (_C.SIGNAL_STALE, "STALE_SIGNAL_BLOCK"),
    (_C.SIGNAL_MISSING, "DAY_SLEEVE_ML_REQUIRED_UNAVAILABLE"),
    (_F.SIGNAL, """
        OPPORTUNITY_QUALITY_QUANTILE_BLOCK ALPHA_DECAY_BLOCK ALPHA_DECAY_ZERO_QTY_BLOCK
        ALPHA_DECAY_DEWEIGHT ENTRY_BLOCKED_ALPHA_DECAY ALPHA_TIME_STOP_EXIT
        EXIT_POLICY_HAZARD_TIME_STOP POLICY_ABLATION_SLEEVE_BLOCK meta_label_veto_gate
        prediction_uncertainty_gate STALE_MODEL_DIAGNOSTIC_REQUIRES_PAPER_SAMPLING
        DISAGREEMENT_DAMPING"""),
    # position
    (_F.POSITION, """
        no_long_position POSITION_ALREADY_LONG POSITION_ALREADY_SHORT MANAGE_EXISTING_POSITION
        POSITION_EXIT_MANAGED SKIP_HELD_POSITION SKIP_POSITION_CACHE_PRESENT SHORT_CLOSE_QUEUED"""),
    (_F.PAPER_SAMPLING, """
        PAPER_SAMPLING_INPUT_BLOCK PAPER_SAMPLING_SYMBOL_BLOCK PAPER_SAMPLING_MAX_NOTIONAL_BLOCK
        PAPER_SAMPLING_DAILY_CAP_BLOCK PAPER_SAMPLING_SYMBOL_DAILY_QUOTA_BLOCK
        PAPER_SAMPLING_SIDE_DAILY_QUOTA_BLOCK PAPER_SAMPLING_SESSION_DAILY_QUOTA_BLOCK
        PAPER_SAMPLING_SESSION_BLOCK PAPER_SAMPLING_SYMBOL_RESERVATION_BLOCK
        PAPER_SAMPLING_SYMBOL_FAIRNESS_BLOCK PAPER_SAMPLING_FUTURE_SESSION_RESERVATION_BLOCK
        PAPER_SAMPLING_SHORT_BLOCK PAPER_SAMPLING_PASSIVE_QUOTE_BLOCK"""),
    # markers: a trade, a size that was changed, a gate that was passed by
    (_F.MARKER, """
        OK_TRADE *_SCALE *_CLIP *_BYPASSED RISK_CAP_SYMBOL_CLIP VOL_TARGET_SCALE
        CAPITAL_RAMP_SCALE UNCERTAINTY_CAPITAL_SCALE DERISK_PRIMARY_FEED_SCALE
        LIQ_REGIME_THIN_SCALE LIQ_THIN_COST_MULT_SCALE CAPACITY_THROTTLE_SCALE
        SYMBOL_EXPECTANCY_SLIPPAGE_SCALE"""),
)  # fmt: skip

ALIASES: MappingProxyType[str, Meaning] = MappingProxyType(
    {spelling: meaning for meaning, text in _SPELLINGS for spelling in text.split()}
)
"""Every spelling, as it is spelled there; one with a * stands for all that begin or end so."""

_EXACT: dict[str, Meaning] = {
    **{spelling.lower(): meaning for spelling, meaning in ALIASES.items() if "*" not in spelling},
    **{str(code): code for code in ReasonCode},
}
_PATTERNS = tuple(
    (start, end, meaning)
    for spelling, meaning in reversed(tuple(ALIASES.items()))  # a marker before what it marks
    if "*" in spelling
    for start, _, end in [spelling.lower().partition("*")]
)


def alias_of(text: str) -> Meaning | None:
    """What a word for a reason means here, in whatever case; None for one nobody has listed."""
    word = text.strip().lower()
    if word in _EXACT:
        return _EXACT[word]
    for start, end, meaning in _PATTERNS:
        if word.startswith(start) and word.endswith(end):
            return meaning
    return None
