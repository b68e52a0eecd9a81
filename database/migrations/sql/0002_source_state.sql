-- What all processes know about the servers asked: breakers, quotas, health.
select 1;
