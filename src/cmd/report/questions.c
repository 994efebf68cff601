/* What the pages ask of the model, when all lines are in it and both ends are joined. */
#include "model.h"

uint64_t model_connections(const struct model *model)
{
	return model->ends_seen - model->folded - model->pairs - model->answered;
}

uint64_t model_failed(const struct model *model)
{
	return model->failed - model->failed_again - model->answered;
}

static bool comes_before(const struct model *model, enum cause a, enum cause b)
{
	bool failure = model_is_failure(a);
	if (failure != model_is_failure(b)) {
		return failure;
	}
	const struct cause_sum *one = &model->causes[a];
	const struct cause_sum *other = &model->causes[b];
	if (failure && one->failed != other->failed) {
		return one->failed > other->failed;
	}
	return one->tally.count > other->tally.count;
}

static bool is_told_as_error(enum cause cause)
{
	return cause == CAUSE_UNKNOWN || (cause_infos[cause].kind != CAUSE_WARNING &&
					  cause_infos[cause].kind != CAUSE_NOTICE);
}

unsigned model_causes(const struct model *model, enum cause causes[CAUSES])
{
	unsigned count = 0;
	for (unsigned i = 0; i < CAUSES; i++) {
		enum cause cause = (enum cause)i;
		if (model->causes[i].tally.count == 0 || !is_told_as_error(cause)) {
			continue;
		}
		unsigned at = count++;
		while (at > 0 && comes_before(model, cause, causes[at - 1])) {
			causes[at] = causes[at - 1];
			at--;
		}
		causes[at] = cause;
	}
	return count;
}
