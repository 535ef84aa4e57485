/* dual-sfp as one loop by hand: what a C programmer would write for this strategy and nothing else.

   Same rules, same arithmetic and same books as the core for the settings it knows (kwin_core/RULES.md): tv-literal,
   15-minute chart, direction lock, one signal a bar (skip), pivot stop, law `ring`, processed on close, no margin, no
   lot step. It has no order book, no event list, no digest and no option that is off by default. Prices of the path
   are whole ticks in doubles. The structs Bar, Params, Settings, Signals, Mark and Trade are written by
   c_loop.py from the dtypes of the core, so that results can be compared byte for byte. */

#include <math.h>
#include <stdint.h>
#include <string.h>

#define EPSILON 1e-10
#define GRID 1e-4
#define RING 520
#define NO_SWING (-1)

enum { MARKET = 1, STOP = 2, STOP_GAP = 3, STOP_CLOSE = 4, TRAIL = 8, TRAIL_GAP = 9 };

typedef struct {
    double swing;
    int64_t failed, confirmed, swing_bix;
    double swept, opposite;
    int64_t can_enter, traded;
    double entry, initial_stop;
    int64_t armed;
    double offset_argument;
    int64_t calls, first_bar, best_bar;
    double best, lookback, slots[RING];
} Side;

typedef struct {
    int64_t alive, armed, placed_bar;
    double stop_arg, points_arg, offset, stop, activation, best;
} Leg;

typedef struct {
    int64_t side, bar, time_ms;
    double qty, price, commission, best_move, worst_move;
} Lot;

typedef struct Run {
    const Params *p;
    const Settings *s;
    Trade *trades;
    int64_t trade_count, most_trades, n, now_ms;
    Side side[2]; /* long, short */
    Leg leg;
    Lot lot;
    double last_close, net, gross_profit, gross_loss, open_commission, commission_paid, open_profit, equity;
    double high_water, low_water, max_drawdown, max_runup, last_profit;
    int64_t won, lost;
} Run;

static double nearest_tick(double price, double tick) { return floor(price / tick + 0.5); }

static const double TEN[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
                             1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19};
static const double TENTH[] = {1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12};

/* Ten significant digits, halves up (R100); commissions are positive and far from the ends of the tables. */
static double round_money(double value) {
    int exponent = 0;
    if (!(value >= 1e-10)) return value > 0.0 ? value : 0.0;
    while (value >= TEN[exponent + 1]) exponent++;
    while (exponent <= 0 && value < TENTH[-exponent]) exponent--;
    if (exponent > 9) return floor(value / TEN[exponent - 9] + 0.5) * TEN[exponent - 9];
    return floor(value * TEN[9 - exponent] + 0.5) / TEN[9 - exponent];
}

static double commission_on(const Run *r, double qty, double price) {
    return round_money(price * qty * r->s->point_value * r->s->commission);
}

static double open_profit_at(const Run *r, double price) {
    return r->lot.qty * (price - r->lot.price) * (double)r->lot.side * r->s->point_value;
}

static void refresh_equity(Run *r, double close_tick) {
    r->open_profit = r->lot.side ? open_profit_at(r, close_tick * r->s->tick) : 0.0;
    r->equity = r->s->capital + r->net + r->open_profit;
}

static void see_price(Run *r, double price) {
    double move = (price - r->lot.price) * (double)r->lot.side;
    double equity = r->s->capital + r->net + open_profit_at(r, price);
    if (move > r->lot.best_move) r->lot.best_move = move;
    else if (move < r->lot.worst_move) r->lot.worst_move = move;
    if (r->high_water - equity > r->max_drawdown) r->max_drawdown = r->high_water - equity;
    if (equity - r->low_water > r->max_runup) r->max_runup = equity - r->low_water;
}

static void move_trail(Run *r, double here) {
    Leg *leg = &r->leg;
    if (leg->activation != leg->activation) return;
    if (r->lot.side > 0) {
        if (leg->armed ? here > leg->best : here >= leg->activation) { leg->armed = 1; leg->best = here; }
    } else {
        if (leg->armed ? here < leg->best : here <= leg->activation) { leg->armed = 1; leg->best = here; }
    }
}

static void arrive(Run *r, double here) {
    move_trail(r, here);
    see_price(r, here * r->s->tick);
}

static int against(int64_t side, double level, double price) { return side > 0 ? price <= level : price >= level; }
static int in_favour(int64_t side, double level, double price) { return side > 0 ? price >= level : price <= level; }

/* How the exit is met on the way, and where: 0 when not. */
static int trigger(const Run *r, double here, double there, double *level, int *over) {
    const Leg *leg = &r->leg;
    int64_t side = r->lot.side;
    double distance = INFINITY;
    int how = 0;
    if (against(side, leg->stop, there) || against(side, leg->stop, here)) {
        how = STOP;
        *level = leg->stop;
        *over = against(side, leg->stop, here);
        distance = *over ? 0.0 : fabs(leg->stop - here);
    }
    if (leg->armed) {
        double mark = leg->best - (double)side * leg->offset;
        if (against(side, mark, there) || against(side, mark, here)) {
            int passed = against(side, mark, here);
            double d = passed ? 0.0 : fabs(mark - here);
            if (d < distance) { how = TRAIL; *level = mark; *over = passed; }
        }
    } else if (leg->offset == 0.0) {
        double mark = leg->activation;
        if (in_favour(side, mark, there) || in_favour(side, mark, here)) {
            int passed = in_favour(side, mark, here);
            double d = passed ? 0.0 : fabs(mark - here);
            if (d < distance) { how = TRAIL; *level = mark; *over = passed; }
        }
    }
    return how;
}

static void close_trade(Run *r, double at, int kind) {
    Lot *lot = &r->lot;
    double price = at * r->s->tick;
    double fee = commission_on(r, lot->qty, price);
    double move = (price - lot->price) * (double)lot->side;
    double contracts = lot->qty * r->s->point_value;
    double net = contracts * move - lot->commission - fee;
    Trade *t = &r->trades[r->trade_count < r->most_trades ? r->trade_count : r->most_trades]; /* last row: spill */
    if (move > lot->best_move) lot->best_move = move;
    if (move < lot->worst_move) lot->worst_move = move;
    r->open_commission -= lot->commission;
    r->commission_paid += fee;
    if (net > 0.0) { r->gross_profit += net; r->won++; }
    else { r->gross_loss -= net; r->lost += net < 0.0; }
    r->last_profit = net;
    r->net = r->gross_profit - r->gross_loss - r->open_commission;
    r->trade_count++;
    memset(t, 0, sizeof *t);
    t->side = lot->side;
    t->entry_bar = lot->bar;
    t->exit_bar = r->n;
    t->entry_time_ms = lot->time_ms;
    t->exit_time_ms = r->now_ms;
    t->entry_price = lot->price;
    t->exit_price = price;
    t->qty = lot->qty;
    t->entry_text = lot->side > 0 ? 1 : 2;
    t->exit_text = lot->side > 0 ? 3 : 4;
    t->exit_kind = kind;
    t->commission = lot->commission + fee;
    t->net_pnl = net;
    t->runup = fmax(0.0, lot->best_move * contracts - lot->commission);
    t->drawdown = fmin(0.0, lot->worst_move * contracts - lot->commission);
    t->cumulative = r->net;
    t->entry_value = lot->price * lot->qty + lot->commission;
    t->runup_base = t->entry_value;
    t->drawdown_base = t->entry_value;
    if (r->s->capital + r->net > r->high_water) r->high_water = r->s->capital + r->net;
    memset(lot, 0, sizeof *lot);
    memset(&r->leg, 0, sizeof r->leg);
}

/* One leg of the path; whether the trade is still open at its end. */
static int walk(Run *r, double here, double there) {
    double level = 0.0;
    int over = 0;
    int how = trigger(r, here, there, &level, &over);
    if (how) {
        double at = over ? here : level;
        if (at != here) arrive(r, at);
        close_trade(r, at, how);
        return 0;
    }
    arrive(r, there);
    return 1;
}

static int high_first(const Settings *s, double o, double h, double l) {
    if (h - o != o - l) return h - o < o - l;
    if (s->ticks_per_unit > 0.0)
        return h / s->ticks_per_unit - o / s->ticks_per_unit < o / s->ticks_per_unit - l / s->ticks_per_unit;
    return h * s->tick - o * s->tick < o * s->tick - l * s->tick;
}

static void walk_bar(Run *r, const Bar *bar, double c) {
    double tick = r->s->tick;
    double o = nearest_tick(bar->open, tick), h = nearest_tick(bar->high, tick), l = nearest_tick(bar->low, tick);
    double level = 0.0;
    int over = 0, how;
    move_trail(r, o);
    how = trigger(r, o, o, &level, &over);
    if (how && over) {
        close_trade(r, o, level == o ? how : how == STOP ? STOP_GAP : TRAIL_GAP);
        return;
    }
    see_price(r, o * tick);
    if (high_first(r->s, o, h, l)) {
        if (walk(r, o, h) && walk(r, h, l)) walk(r, l, c);
    } else {
        if (walk(r, o, l) && walk(r, l, h)) walk(r, h, c);
    }
}

/* The exit call: levels from the entry's price, and the trail anew when its arguments changed. */
static void place_exit(Run *r, int64_t side, double entry_tick, double from, double stop, double points, double offset) {
    Leg *leg = &r->leg;
    double tick = r->s->tick;
    int same = leg->alive && (leg->points_arg == points || (leg->points_arg != leg->points_arg && points != points)) &&
               (leg->offset == offset || (leg->offset != leg->offset && offset != offset));
    leg->alive = 1;
    leg->placed_bar = r->n;
    leg->stop_arg = stop;
    leg->points_arg = points;
    leg->offset = offset;
    leg->stop = side > 0 ? floor(stop / tick + GRID) : ceil(stop / tick - GRID);
    leg->activation = side > 0 ? ceil(entry_tick + points - GRID) : floor(entry_tick - points + GRID);
    if (!same) {
        leg->armed = in_favour(side, leg->activation, from);
        leg->best = leg->armed ? from : NAN;
    }
}

static double pivot_high(const Bar *bars, int64_t n, int64_t left) {
    double candidate;
    if (n < left + 1) return NAN;
    candidate = bars[n - 1].high;
    if (!(bars[n].high < candidate)) return NAN;
    for (int64_t k = 2; k <= left + 1; k++)
        if (bars[n - k].high > candidate) return NAN;
    return candidate;
}

static double pivot_low(const Bar *bars, int64_t n, int64_t left) {
    double candidate;
    if (n < left + 1) return NAN;
    candidate = bars[n - 1].low;
    if (!(bars[n].low > candidate)) return NAN;
    for (int64_t k = 2; k <= left + 1; k++)
        if (bars[n - k].low < candidate) return NAN;
    return candidate;
}

static int local_failure(Side *s, double sign, int64_t n, double wick, double other, double open, double close) {
    int hit = sign * (s->swing - wick) > EPSILON && sign * (open - s->swing) > EPSILON &&
              sign * (close - s->swing) > EPSILON;
    if (hit) {
        s->failed = 1;
        s->confirmed = 0;
        s->swept = s->swing;
        s->swing_bix = n - 1;
        s->opposite = other;
    }
    if (s->failed && !s->confirmed && sign * close > sign * s->opposite) s->confirmed = 1;
    return hit;
}

static int classic_failure(double sign, double pivot, double wick, double back, double open, double close) {
    return pivot == pivot && sign * (back - wick) > EPSILON && sign * (open - back) > EPSILON &&
           sign * (close - back) > EPSILON;
}

/* lowest or highest inside an `if`, law `ring` (SP-22). */
static double ring(Side *s, double sign, double x, int64_t length, int64_t n) {
    int64_t size = length + 1, slot = n % size;
    s->slots[slot] = x;
    if (s->calls++ == 0) s->first_bar = n;
    if (s->calls == 1 || !(sign * x <= sign * s->best)) {
        s->best = x;
        s->best_bar = n;
    } else if (n - s->best_bar >= length) {
        int64_t last = length - 1 < n - s->first_bar ? length - 1 : n - s->first_bar;
        double best = x;
        int64_t best_age = 0;
        for (int64_t age = 1; age <= last; age++) {
            slot = slot ? slot - 1 : size - 1;
            if (sign * s->slots[slot] > sign * best) { best = s->slots[slot]; best_age = age; }
        }
        s->best = best;
        s->best_bar = n - best_age;
    }
    return n >= length - 1 ? s->best : NAN;
}

/* Size and filters of an entry; 0 when there is none. */
static double entry_qty(const Run *r, double sign, double price, double stop) {
    const Params *p = r->p;
    double distance = fabs(price - stop), qty;
    if (!(distance > EPSILON)) return 0.0;
    qty = floor(r->equity * p->risk_pct / 100.0 / distance / p->qty_step + 0.5 + EPSILON) * p->qty_step;
    if (p->limit_qty_enabled && p->max_qty_manual < qty) qty = p->max_qty_manual;
    if (!(qty > EPSILON && qty >= p->min_order_qty - EPSILON)) return 0.0;
    if (p->use_fee_filter && !(sign * (price - stop) * p->fee_filter_r * qty - price * qty * p->taker_fee_rate * 2.0 >=
                               p->min_net_profit - EPSILON))
        return 0.0;
    return qty;
}

/* The entry block of one side; what it wants is filled at this close. */
static double try_entry(Run *r, Side *s, int64_t side, const Bar *bar, double *stop_out) {
    const Params *p = r->p;
    double stop, qty;
    if ((p->use_once_per_swing && s->traded != NO_SWING) || !s->can_enter) return 0.0;
    stop = s->swing == s->swing ? s->swing : side > 0 ? bar->low : bar->high;
    qty = entry_qty(r, (double)side, bar->close, stop);
    if (qty == 0.0) return 0.0;
    s->entry = bar->close;
    s->initial_stop = stop;
    s->armed = !p->use_arm_after_rr;
    s->offset_argument = s->entry * p->trailing_offset / 100.0;
    if (p->use_once_per_swing && s->failed) s->traded = s->swing_bix;
    s->can_enter = 0;
    *stop_out = stop;
    return qty;
}

static void open_trade(Run *r, const Side *s, int64_t side, double qty, double close_tick) {
    double price = close_tick * r->s->tick;
    double fee = commission_on(r, qty, price);
    r->lot = (Lot){side, r->n, r->now_ms, qty, price, fee, 0.0, 0.0};
    r->open_commission += fee;
    r->commission_paid += fee;
    r->net = r->gross_profit - r->gross_loss - r->open_commission;
    place_exit(r, side, close_tick, close_tick, s->initial_stop, s->entry * r->p->trailing_perc / 100.0,
               floor(s->offset_argument));
    r->low_water = r->s->capital + r->net;
    see_price(r, price);
}

/* Step 13: arm, then trail by the low (high) of past bars. */
static void manage(Run *r, Side *s, int64_t side, const Bar *bar, double close_tick, Signals *sig) {
    const Params *p = r->p;
    double sign = (double)side, before, stop;
    if (p->use_arm_after_rr && !s->armed &&
        sign * (bar->close - s->entry) >= p->arm_rr * sign * (s->entry - s->initial_stop) - EPSILON)
        s->armed = 1;
    if (!p->use_bar_trail || !s->armed) return;
    before = s->lookback;
    s->lookback = ring(s, -sign, side > 0 ? bar->low : bar->high, p->trail_lookback, r->n);
    stop = before - sign * (p->trail_buf_ticks * p->tick);
    if (stop == stop && sign * s->initial_stop > sign * stop) stop = s->initial_stop;
    sig->lookback_prev = before;
    sig->bar_trail_stop = stop;
    place_exit(r, side, nearest_tick(r->lot.price, r->s->tick), close_tick, stop, NAN, NAN);
}

static void show(const Run *r, int64_t side, double stop, double points, Signals *sig) {
    const Side *lo = &r->side[0], *sh = &r->side[1];
    sig->swing_high = sh->swing;
    sig->swing_low = lo->swing;
    sig->long_entry = lo->entry;
    sig->long_stop = lo->initial_stop;
    sig->short_entry = sh->entry;
    sig->short_stop = sh->initial_stop;
    sig->traded_bull = lo->traded;
    sig->traded_bear = sh->traded;
    sig->bull_swing_bix = lo->swing_bix;
    sig->bear_swing_bix = sh->swing_bix;
    sig->can_long = (int8_t)lo->can_enter;
    sig->can_short = (int8_t)sh->can_enter;
    sig->long_armed = (int8_t)lo->armed;
    sig->short_armed = (int8_t)sh->armed;
    sig->exit_stop = stop;
    sig->trail_points = points;
    sig->trail_offset = points == points ? r->side[side < 0].offset_argument : NAN;
}

/* One closed bar; `bars` is the whole series, bar `n` of it is new. */
static void step(Run *r, const Bar *bars, int64_t n, Signals *sig, int keep) {
    const Bar *bar = &bars[n];
    const Params *p = r->p;
    Side *lo = &r->side[0], *sh = &r->side[1];
    int64_t len = p->swing_len;
    double close_tick = nearest_tick(bar->close, r->s->tick);
    double ph, pl, low_back, high_back, qty = 0.0, stop = NAN;
    int bear_local, bull_local, bear_classic, bull_classic, bear, bull;
    int64_t held, entered = 0;

    r->n = n;
    r->now_ms = bar->time_ms;
    if (r->lot.side) walk_bar(r, bar, close_tick);
    refresh_equity(r, close_tick);
    held = r->lot.side;
    sig->position_seen = r->lot.qty * (double)held;
    sig->equity_seen = r->equity;
    sig->lookback_prev = NAN;
    sig->bar_trail_stop = NAN;

    ph = pivot_high(bars, n, len);
    pl = pivot_low(bars, n, len);
    if (ph == ph) sh->swing = ph;
    if (pl == pl) lo->swing = pl;
    bear_local = local_failure(sh, -1.0, n, bar->high, bar->low, bar->open, bar->close);
    bull_local = local_failure(lo, 1.0, n, bar->low, bar->high, bar->open, bar->close);
    low_back = n >= len ? bars[n - len].low : NAN;
    high_back = n >= len ? bars[n - len].high : NAN;
    bull_classic = classic_failure(1.0, pl, bar->low, low_back, bar->open, bar->close);
    bear_classic = classic_failure(-1.0, ph, bar->high, high_back, bar->open, bar->close);
    if (fabs(bar->close - r->last_close) > EPSILON) lo->can_enter = sh->can_enter = 1;
    r->last_close = bar->close;
    if (!sh->failed || sh->traded != sh->swing_bix) sh->traded = NO_SWING;
    if (!lo->failed || lo->traded != lo->swing_bix) lo->traded = NO_SWING;
    bear = bear_local || bear_classic;
    bull = bull_local || bull_classic;
    if (bear && bull) bear = bull = 0;
    if (!held) {
        lo->entry = lo->initial_stop = sh->entry = sh->initial_stop = NAN;
        lo->armed = sh->armed = 0;
        if (bull && (qty = try_entry(r, lo, 1, bar, &stop)) > 0.0) entered = 1;
        if (bear && (qty = try_entry(r, sh, -1, bar, &stop)) > 0.0) entered = -1;
    } else {
        manage(r, held > 0 ? lo : sh, held, bar, close_tick, sig);
    }
    sig->qty = entered ? qty : NAN;
    sig->stop = stop;
    if (keep) {
        int64_t side = entered ? entered : held;
        const Side *s = &r->side[side < 0];
        sig->ph = ph;
        sig->pl = pl;
        sig->bear_local = (int8_t)bear_local;
        sig->bull_local = (int8_t)bull_local;
        sig->bear_classic = (int8_t)bear_classic;
        sig->bull_classic = (int8_t)bull_classic;
        sig->bear = (int8_t)bear;
        sig->bull = (int8_t)bull;
        sig->action = (int8_t)(entered > 0 ? 1 : entered < 0 ? 2 : 0);
        show(r, side, entered ? stop : held ? r->leg.stop_arg : NAN,
             entered ? s->entry * p->trailing_perc / 100.0 : held ? r->leg.points_arg : NAN, sig);
    }
    if (entered) open_trade(r, &r->side[entered < 0], entered, qty, close_tick);
    if (r->lot.side && r->leg.placed_bar == n && against(r->lot.side, r->leg.stop, close_tick))
        close_trade(r, close_tick, STOP_CLOSE);
    if (entered || held) refresh_equity(r, close_tick);
}

void kwin_start(Run *r, const Params *p, const Settings *s, Trade *trades, int64_t most_trades) {
    memset(r, 0, sizeof *r);
    r->p = p;
    r->s = s;
    r->trades = trades;
    r->most_trades = most_trades;
    for (int k = 0; k < 2; k++) {
        Side *side = &r->side[k];
        side->swing = side->opposite = side->swept = side->entry = side->initial_stop = side->lookback = NAN;
        side->swing_bix = side->traded = NO_SWING;
        side->can_enter = 1;
    }
    r->last_close = NAN;
    r->last_profit = NAN;
    r->equity = r->high_water = r->low_water = s->capital;
}

/* Bars first <= n < last of the series; rows of the chunk are written from 0 on when `keep` is set. */
void kwin_run(Run *r, const Bar *bars, int64_t first, int64_t last, Signals *signals, Mark *marks, int keep) {
    for (int64_t n = first; n < last; n++) {
        step(r, bars, n, &signals[keep ? n - first : 0], keep);
        if (keep) {
            marks[n - first].equity = r->equity;
            marks[n - first].position_size = r->lot.qty * (double)r->lot.side;
        }
    }
}

int64_t kwin_trades(const Run *r) { return r->trade_count; }
double kwin_net_profit(const Run *r) { return r->net; }
double kwin_max_drawdown(const Run *r) { return r->max_drawdown; }
double kwin_max_runup(const Run *r) { return r->max_runup; }
double kwin_equity(const Run *r) { return r->equity; }
int64_t kwin_run_size(void) { return (int64_t)sizeof(Run); }
