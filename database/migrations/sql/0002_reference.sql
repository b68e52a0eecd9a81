-- Reference sets and their releases.
select 1;
