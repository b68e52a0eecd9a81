-- Rejects that are worked off, what files looked like, where they came from.
select 1;
