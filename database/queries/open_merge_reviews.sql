-- question: Which pairs of properties wait for a person, likeliest first?
-- param: limit bigint
-- index: marts.merge_reviews (score DESC, review_id)
-- sample: select 50 as "limit"
select *
from marts.merge_reviews
where status = 'open'
order by score desc, review_id
limit %(limit)s
