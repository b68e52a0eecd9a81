-- A person goes back to the champion before (rolled_back); a move of the alias to a version
-- that failed its gates is undone (reverted).
alter table ml.model_promotions drop constraint model_promotions_action_check;
alter table ml.model_promotions add constraint model_promotions_action_check check (
    action in (
        'approved', 'rejected', 'awaiting_review', 'observed', 'rolled_back', 'reverted'
    )
);
