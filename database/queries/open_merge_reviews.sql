-- question: Which pairs of properties wait for a person, likeliest first?
-- param: limit bigint
-- index: marts.merge_reviews (score)
-- sample: select 50 as "limit"
select *
from marts.merge_reviews
where status = 'open'
order by score desc
limit %(limit)s
