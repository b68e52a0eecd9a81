-- What all processes know about the servers asked: breakers, quotas, calls.
--
-- Written by the functions below, one statement a call and step. They take rows in the
-- order breakers, source_quota, so that two callers never wait for each other, and they
-- use the database's clock, so that the callers' clocks need not agree.

create table ops.breakers (
    host text primary key,
    sources text[] not null default '{}',
    state text not null default 'closed' check (state in ('closed', 'open', 'half_open')),
    failures integer not null default 0,
    until timestamptz,
    reason text not null default '',
    opened_at timestamptz,
    times_opened integer not null default 0,
    changed_at timestamptz not null default now(),
    check (state = 'closed' or until is not null)
);
comment on table ops.breakers is
    'Circuit breakers. closed: asked; failures counts those in a row. open: nobody asks before '
    'until. half_open: one call finds out whether the host is back; until is its lease, after '
    'which the next call takes its place. A host without failures has no row. One row per host.';

create table ops.source_quota (
    source text primary key,
    next_turn timestamptz not null default '-infinity',
    calls_per_minute double precision,
    parked_until timestamptz not null default '-infinity',
    parked_reason text not null default '',
    day date not null default '-infinity',
    day_calls bigint not null default 0
);
comment on table ops.source_quota is
    'Rate and quota of each source over all processes. next_turn is when the next call may be '
    'sent; calls_per_minute what its headers allow; before parked_until nobody asks; day_calls '
    'are those of the UTC day. One row per source.';

create table ops.source_calls (
    source text not null,
    day date not null,
    counter text not null,
    amount double precision not null,
    primary key (source, day, counter)
);
comment on table ops.source_calls is
    'What clients did: calls, retries, not_modified, bytes, wait_seconds, failures (and each '
    'kind as failure:<kind>), fast_failures. One row per source, UTC day and counter.';

-- May a call be sent? verdict go holds an advisory lock (its slot) and a turn.
create function ops.admit_call(
    p_source text,
    p_host text,
    p_class integer,
    p_free integer[],
    p_interval double precision,
    p_quota_share double precision,
    p_per_day bigint,
    p_probe_seconds double precision,
    p_probe_reason text
) returns table (
    verdict text, wait_seconds double precision, slot integer, is_probe boolean, reason text
) language plpgsql as $$
declare
    moment constant timestamptz := clock_timestamp();
    today constant date := (moment at time zone 'UTC')::date;
    tomorrow constant timestamptz := (today + 1)::timestamp at time zone 'UTC';
    quota ops.source_quota;
    breaker ops.breakers;
    gap double precision;
    calls bigint;
    turn timestamptz;
begin
    slot := 0;
    is_probe := false;
    wait_seconds := 0;
    reason := '';
    select * into quota from ops.source_quota q where q.source = p_source;
    if quota.parked_until > moment then
        verdict := 'parked';
        wait_seconds := extract(epoch from quota.parked_until - moment);
        reason := quota.parked_reason;
        return next;
        return;
    end if;
    select * into breaker from ops.breakers b where b.host = p_host;
    if breaker.state <> 'closed' and breaker.until > moment then
        verdict := 'open';
        wait_seconds := extract(epoch from breaker.until - moment);
        reason := breaker.reason;
        return next;
        return;
    end if;
    if p_per_day is not null and quota.day = today and quota.day_calls >= p_per_day then
        verdict := 'parked';
        wait_seconds := extract(epoch from tomorrow - moment);
        return next;
        return;
    end if;
    foreach slot in array p_free loop
        exit when pg_try_advisory_lock(p_class, slot);
        slot := 0;
    end loop;
    if slot = 0 then
        verdict := 'busy';
        return next;
        return;
    end if;
    if breaker.state <> 'closed' then
        -- The row lock lets one caller through; the others then see its lease.
        update ops.breakers b
        set state = 'half_open', until = moment + make_interval(secs => p_probe_seconds),
            reason = p_probe_reason, changed_at = moment
        where b.host = p_host and b.state <> 'closed' and b.until <= moment;
        is_probe := found;
        select * into breaker from ops.breakers b where b.host = p_host;
        if not is_probe and breaker.state <> 'closed' then
            perform pg_advisory_unlock(p_class, slot);
            slot := 0;
            verdict := 'open';
            wait_seconds := greatest(extract(epoch from breaker.until - moment), 0);
            reason := breaker.reason;
            return next;
            return;
        end if;
    end if;
    gap := greatest(
        p_interval, coalesce(60 / (nullif(quota.calls_per_minute, 0) * p_quota_share), 0)
    );
    if gap > 0 or p_per_day is not null then
        insert into ops.source_quota as q (source, next_turn, day, day_calls)
        values (p_source, moment + make_interval(secs => gap), today, 1)
        on conflict (source) do update set
            next_turn = greatest(q.next_turn, moment) + make_interval(secs => gap),
            day = today,
            day_calls = case when q.day = today then q.day_calls else 0 end + 1
        returning q.next_turn - make_interval(secs => gap), q.day_calls into turn, calls;
        if calls > p_per_day then
            perform pg_advisory_unlock(p_class, slot);
            slot := 0;
            if is_probe then
                update ops.breakers b set state = 'open', until = moment
                where b.host = p_host;
                is_probe := false;
            end if;
            verdict := 'parked';
            wait_seconds := extract(epoch from tomorrow - moment);
            return next;
            return;
        end if;
    else
        turn := quota.next_turn;
    end if;
    verdict := 'go';
    if turn > moment then
        wait_seconds := extract(epoch from turn - moment);
    end if;
    return next;
end
$$;

-- Gives back a slot (0: none is held) and tells how its call ended.
create function ops.finish_call(
    p_source text,
    p_host text,
    p_class integer,
    p_slot integer,
    p_is_probe boolean,
    p_outcome text,
    p_opens_after integer,
    p_open_seconds double precision,
    p_reason text
) returns void language plpgsql as $$
declare
    moment constant timestamptz := clock_timestamp();
    later constant timestamptz := moment + make_interval(secs => p_open_seconds);
begin
    if p_slot > 0 then
        perform pg_advisory_unlock(p_class, p_slot);
    end if;
    if p_outcome = 'answered' then
        -- A call sent before the outage was known does not end it; the probe does.
        update ops.breakers b
        set state = 'closed', failures = 0, until = null, reason = '', changed_at = moment
        where b.host = p_host
            and (p_is_probe or b.state = 'closed')
            and (b.state <> 'closed' or b.failures > 0);
    elsif p_outcome = 'unknown' then
        if p_is_probe then
            update ops.breakers b set state = 'open', until = moment
            where b.host = p_host and b.state = 'half_open';
        end if;
    elsif p_is_probe then
        update ops.breakers b
        set state = 'open', failures = b.failures + 1, until = later,
            reason = p_reason, changed_at = moment
        where b.host = p_host and b.state <> 'closed';
    else
        insert into ops.breakers as b (
            host, sources, state, failures, until, reason, opened_at, times_opened
        ) values (
            p_host, array[p_source],
            case when p_opens_after <= 1 then 'open' else 'closed' end, 1,
            case when p_opens_after <= 1 then later end, p_reason,
            case when p_opens_after <= 1 then moment end,
            case when p_opens_after <= 1 then 1 else 0 end
        )
        on conflict (host) do update set
            sources = case when p_source = any (b.sources) then b.sources
                else b.sources || p_source end,
            failures = b.failures + 1,
            reason = p_reason,
            state = case when b.failures + 1 >= p_opens_after then 'open' else 'closed' end,
            until = case when b.failures + 1 >= p_opens_after then later end,
            opened_at = case when b.failures + 1 >= p_opens_after then moment
                else b.opened_at end,
            times_opened = b.times_opened
                + case when b.failures + 1 >= p_opens_after then 1 else 0 end,
            changed_at = moment
        where b.state = 'closed';
    end if;
end
$$;
