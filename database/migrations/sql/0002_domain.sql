-- Domain Group API.
select 1;
