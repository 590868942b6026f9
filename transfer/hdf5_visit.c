/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/hdf5_visit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <hdf5.h>

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/proc.h"
#include "transfer/text.h"

#define VISIT_MEMORY (8U << 20) /* names and places of all objects */
#define VISIT_SLOTS  65536U     /* a power of two, over three times HDF5_OBJECTS */
#define VISIT_DEPTH  4U         /* names of a path that are shown */
#define VISIT_NAME   28U        /* bytes of each; with VISIT_WHY so that a line fits struct err */
#define VISIT_WHY    80

/* An object that a hard link leads to, and by which way: for the message alone. */
struct place {
	haddr_t address;
	size_t parent; /* of the first one itself: 0 */
	const char *name;
};

struct visit {
	struct arena a;
	struct place *places; /* the first is the root; those from `at` on are still to be seen */
	size_t n, at;
	uint64_t *slots; /* addresses + 1 that are in `places`, hashed; 0: free */
	uint64_t size;   /* of the file */
	int64_t until;
	hid_t transfer;   /* with the memory manager below */
	size_t room;      /* for variable-length values of one read */
	bool over;        /* which was too small: the failed read proves nothing */
	const char *what; /* the fault; NULL: none */
	char why[VISIT_WHY];
};

static herr_t
innermost(unsigned n, const H5E_error2_t *error, void *arg)
{
	if (n == 0 && error->desc != NULL)
		(void)snprintf(arg, VISIT_WHY, "%s", error->desc);
	return 0;
}

/* Addresses in this process are nobody's business, and differ each time. */
static void
cut_addresses(char *why)
{
	char *address = strstr(why, "0x");

	if (address == NULL)
		return;
	*address = '\0';
	char *colon = strrchr(why, ':');
	if (colon != NULL)
		*colon = '\0';
}

/* Always false.  Before another call of the library: that would clear its reason. */
static bool
fault(struct visit *v, const char *what)
{
	v->what = what;
	(void)snprintf(v->why, sizeof(v->why), "no reason given");
	(void)H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, v->why);
	cut_addresses(v->why);
	return false;
}

static bool
beyond(struct visit *v)
{
	v->what = "has data beyond the end of the file";
	(void)snprintf(v->why, sizeof(v->why), "truncated");
	return false;
}

static bool
time_is_up(const struct visit *v)
{
	return proc_now_ms() >= v->until;
}

static void
close_id(const hid_t *id)
{
	if (*id >= 0 && H5Idec_ref(*id) < 0)
		(void)H5Eclear2(H5E_DEFAULT);
}
#define AUTO_ID __attribute__((cleanup(close_id))) hid_t

static void
free_bytes(char **p)
{
	free(*p);
}
#define AUTO_BYTES __attribute__((cleanup(free_bytes))) char *

/* ---- values ---- */

static void *
vlen_alloc(size_t size, void *arg)
{
	struct visit *v = arg;

	v->over = v->over || size > v->room;
	if (v->over)
		return NULL;
	v->room -= size;
	return malloc(size > 0 ? size : 1);
}

static void
vlen_free(void *p, void *unused)
{
	(void)unused;
	free(p);
}

/* Bytes of a whole value; 0: none, or too many. */
static size_t
small_size(hid_t type, hid_t space)
{
	hssize_t n = H5Sget_simple_extent_npoints(space);
	size_t bytes = 0;

	if (n <= 0 || __builtin_mul_overflow((size_t)n, H5Tget_size(type), &bytes))
		return 0;
	return bytes <= HDF5_VISIT_READ ? bytes : 0;
}

static bool
visit_attr(struct visit *v, hid_t object, const char *name)
{
	AUTO_ID attr = H5Aopen(object, name, H5P_DEFAULT);
	if (attr < 0)
		return fault(v, "has an attribute that cannot be opened");
	AUTO_ID type = H5Aget_type(attr);
	if (type < 0)
		return fault(v, "has an attribute without a type");
	AUTO_ID space = H5Aget_space(attr);
	if (space < 0)
		return fault(v, "has an attribute without an extent");
	size_t bytes = small_size(type, space);
	AUTO_BYTES value = bytes > 0 ? calloc(1, bytes) : NULL;
	if (value == NULL)
		return true;
	if (H5Aread(attr, type, value) < 0)
		return fault(v, "has an attribute that cannot be read");
	(void)H5Dvlen_reclaim(type, space, H5P_DEFAULT, value);
	return true;
}

static herr_t
on_attr(hid_t object, const char *name, const H5A_info_t *info, void *arg)
{
	struct visit *v = arg;

	(void)info;
	if (time_is_up(v))
		return 1;
	return visit_attr(v, object, name) ? 0 : -1;
}

/* ---- datasets ---- */

struct dataset {
	hid_t id, plist, type, space;
	int rank;
	hsize_t dims[H5S_MAX_RANK];
	uint64_t chunk;  /* bytes of one, decoded; 0: not chunked */
	uint64_t chunks; /* that the extent has; UINT64_MAX: very many */
};

static void
measure_chunks(struct dataset *d)
{
	hsize_t dims[H5S_MAX_RANK];
	int rank = H5Pget_chunk(d->plist, H5S_MAX_RANK, dims);

	d->chunk = H5Tget_size(d->type);
	d->chunks = 1;
	for (int i = 0; i < d->rank && i < rank; i++) {
		hsize_t n = dims[i] > 0 ? d->dims[i] / dims[i] + (d->dims[i] % dims[i] > 0) : 0;
		if (__builtin_mul_overflow(d->chunk, dims[i], &d->chunk))
			d->chunk = UINT64_MAX;
		if (__builtin_mul_overflow(d->chunks, n, &d->chunks))
			d->chunks = UINT64_MAX;
	}
}

static bool
inside(const struct visit *v, haddr_t at, hsize_t n)
{
	return at == HADDR_UNDEF || (at <= v->size && n <= v->size - at);
}

static bool
chunks_inside(struct visit *v, const struct dataset *d)
{
	hsize_t n = 0;

	if (d->chunks > HDF5_VISIT_CHUNKS)
		return true;
	if (H5Dget_num_chunks(d->id, d->space, &n) < 0)
		return fault(v, "has chunks that cannot be listed");
	for (hsize_t i = 0; i < n && i < HDF5_VISIT_LOOKED; i++) {
		haddr_t at = HADDR_UNDEF;
		hsize_t bytes = 0;
		if (H5Dget_chunk_info(d->id, d->space, i, NULL, NULL, &at, &bytes) < 0)
			return fault(v, "has chunks that cannot be listed");
		if (!inside(v, at, bytes))
			return beyond(v);
	}
	return true;
}

static bool
storage_inside(struct visit *v, const struct dataset *d)
{
	if (d->chunk > 0)
		return chunks_inside(v, d);
	if (H5Pget_layout(d->plist) != H5D_CONTIGUOUS)
		return true;
	haddr_t at = H5Dget_offset(d->id);
	return inside(v, at, H5Dget_storage_size(d->id)) || beyond(v);
}

static bool
filters_are_here(hid_t plist)
{
	int n = H5Pget_nfilters(plist);

	for (int i = 0; i < n; i++) {
		size_t values = 0;
		H5Z_filter_t id =
			H5Pget_filter2(plist, (unsigned)i, NULL, &values, NULL, 0, NULL, NULL);
		if (id < 0 || H5Zfilter_avail(id) <= 0)
			return false;
	}
	return n >= 0;
}

/* A small one whole, of others the first element. */
static bool
read_some(struct visit *v, const struct dataset *d)
{
	hsize_t start[H5S_MAX_RANK] = {0};
	hsize_t count[H5S_MAX_RANK];
	hssize_t points = H5Sget_simple_extent_npoints(d->space);
	size_t bytes = small_size(d->type, d->space);

	if (d->chunk > HDF5_CHUNK_MAX || points <= 0 || !filters_are_here(d->plist))
		return true;
	for (int i = 0; i < d->rank; i++)
		count[i] = 1;
	if (bytes == 0 && d->rank > 0) {
		bytes = H5Tget_size(d->type);
		points = 1;
		if (H5Sselect_hyperslab(d->space, H5S_SELECT_SET, start, NULL, count, NULL) < 0)
			return fault(v, "has data that cannot be read");
	}
	hsize_t n = (hsize_t)points;
	AUTO_ID memory = H5Screate_simple(1, &n, NULL);
	AUTO_BYTES value = bytes > 0 && bytes <= HDF5_VISIT_READ ? calloc(1, bytes) : NULL;
	if (value == NULL || memory < 0)
		return true;
	v->room = HDF5_VISIT_VLEN;
	v->over = false;
	if (H5Dread(d->id, d->type, memory, d->space, v->transfer, value) < 0)
		return v->over || fault(v, "has data that cannot be read");
	(void)H5Dvlen_reclaim(d->type, memory, v->transfer, value);
	return true;
}

static bool
fill_value(struct visit *v, const struct dataset *d)
{
	H5D_fill_value_t defined = H5D_FILL_VALUE_UNDEFINED;
	size_t bytes = H5Tget_size(d->type);

	if (H5Pfill_value_defined(d->plist, &defined) < 0)
		return fault(v, "has a fill value that cannot be read");
	if (defined != H5D_FILL_VALUE_USER_DEFINED || bytes == 0 || bytes > HDF5_VISIT_READ)
		return true;
	AUTO_BYTES value = calloc(1, bytes);
	return value == NULL || H5Pget_fill_value(d->plist, d->type, value) >= 0 ||
	       fault(v, "has a fill value that cannot be read");
}

static bool
visit_dataset(struct visit *v, hid_t id)
{
	AUTO_ID plist = H5Dget_create_plist(id);
	if (plist < 0)
		return fault(v, "has properties that cannot be read");
	AUTO_ID type = H5Dget_type(id);
	if (type < 0)
		return fault(v, "has no type");
	if (H5Tget_size(type) == 0)
		return fault(v, "has a type without a size");
	/* Before H5Dget_space, which would look for the sources of a virtual one. */
	H5D_layout_t layout = H5Pget_layout(plist);
	if (layout < 0)
		return fault(v, "has no layout");
	if (layout == H5D_VIRTUAL || H5Pget_external_count(plist) != 0)
		return true;
	AUTO_ID space = H5Dget_space(id);
	if (space < 0)
		return fault(v, "has no extent");
	struct dataset d = {.id = id, .plist = plist, .type = type, .space = space};
	d.rank = H5Sget_simple_extent_ndims(space);
	if (d.rank < 0 || d.rank > H5S_MAX_RANK ||
		H5Sget_simple_extent_dims(space, d.dims, NULL) < 0)
		return fault(v, "has no extent");
	if (layout == H5D_CHUNKED)
		measure_chunks(&d);
	return fill_value(v, &d) && storage_inside(v, &d) && read_some(v, &d);
}

/* ---- objects ---- */

/* False: it is there already. */
static bool
take_slot(struct visit *v, haddr_t address)
{
	uint64_t key = address + 1;
	size_t i = (size_t)((key * 0x9e3779b97f4a7c15U) >> 48) % VISIT_SLOTS;

	while (v->slots[i] != 0 && v->slots[i] != key)
		i = (i + 1) % VISIT_SLOTS;
	if (v->slots[i] == key)
		return false;
	v->slots[i] = key;
	return true;
}

static herr_t
on_link(hid_t group, const char *name, const H5L_info_t *info, void *arg)
{
	struct visit *v = arg;

	(void)group;
	if (info->type != H5L_TYPE_HARD || info->u.address == HADDR_UNDEF)
		return 0;
	if (v->n == HDF5_OBJECTS)
		return 1;
	if (!take_slot(v, info->u.address))
		return 0;
	char *copy = arena_str(&v->a, (struct span){name, strnlen(name, HDF5_NAME_MAX)});
	if (copy == NULL)
		return 1;
	v->places[v->n++] = (struct place){info->u.address, v->at, copy};
	return 0;
}

static bool
visit_group(struct visit *v, hid_t id)
{
	hsize_t from = 0;

	AUTO_ID plist = H5Gget_create_plist(id);
	if (plist < 0)
		return fault(v, "has properties that cannot be read");
	return H5Literate(id, H5_INDEX_NAME, H5_ITER_NATIVE, &from, on_link, v) >= 0 ||
	       fault(v, "has members that cannot be listed");
}

static bool
visit_object(struct visit *v, hid_t root)
{
	H5O_info_t info;
	hsize_t from = 0;

	AUTO_ID id = H5Oopen_by_addr(root, v->places[v->at].address);
	if (id < 0)
		return fault(v, "cannot be opened");
	if (H5Oget_info2(id, &info, H5O_INFO_BASIC | H5O_INFO_HDR | H5O_INFO_NUM_ATTRS) < 0)
		return fault(v, "has a header that cannot be read");
	if (info.num_attrs > 0 &&
		H5Aiterate2(id, H5_INDEX_NAME, H5_ITER_NATIVE, &from, on_attr, v) < 0)
		return v->what != NULL ? false : fault(v, "has attributes that cannot be listed");
	if (info.type == H5O_TYPE_GROUP)
		return visit_group(v, id);
	return info.type != H5O_TYPE_DATASET || visit_dataset(v, id);
}

static bool
visit_all(struct visit *v, const struct hdf5_node *root)
{
	v->places[v->n++] = (struct place){root->address, 0, ""};
	(void)take_slot(v, root->address);
	for (; v->at < v->n && !time_is_up(v); v->at++)
		if (!visit_object(v, root->id))
			return false;
	return true;
}

/* ---- the message ---- */

/* The last names of the way to the object, "/" first. */
static void
add_path(const struct visit *v, struct buf *out)
{
	const char *names[VISIT_DEPTH];
	size_t n = 0;
	size_t i = v->at;

	for (; i != 0 && n < VISIT_DEPTH; i = v->places[i].parent)
		names[n++] = v->places[i].name;
	if (i != 0)
		buf_adds(out, "...");
	if (n == 0)
		buf_addc(out, '/');
	while (n > 0) {
		buf_addc(out, '/');
		struct span name = span_of(names[--n]);
		buf_add(out, span_first(name, text_cut(name, VISIT_NAME)));
	}
}

/* The file's own words are in it. */
static void
make_plain(struct buf *text)
{
	bool utf8 = span_utf8(buf_span(text));

	for (size_t i = 0; i < text->n; i++) {
		unsigned char c = (unsigned char)text->p[i];
		if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8))
			text->p[i] = '?';
	}
}

static bool
say(const struct visit *v, struct err *e)
{
	AUTO_BUF line = BUF_INIT(1024);

	buf_adds(&line, "object ");
	add_path(v, &line);
	buf_addf(&line, " %s (%s)", v->what, v->why);
	make_plain(&line);
	return err_set(e, ERR_SYNTAX, "HDF5", "%.*s", SPAN_ARG(buf_span(&line)));
}

bool
hdf5_visit(struct hdf5 *f, int fd, int64_t until, struct err *e)
{
	struct visit v = {.until = until};
	struct stat st;
	AUTO_HDF5_NODE root = HDF5_NODE_NONE;

	if (time_is_up(&v) || fstat(fd, &st) != 0 || !arena_init(&v.a, VISIT_MEMORY))
		return true;
	v.size = (uint64_t)st.st_size;
	v.places = arena_array(&v.a, HDF5_OBJECTS, sizeof(*v.places));
	v.slots = arena_array(&v.a, VISIT_SLOTS, sizeof(*v.slots));
	v.transfer = H5Pcreate(H5P_DATASET_XFER);
	bool sound = true;
	if (v.places != NULL && v.slots != NULL && v.transfer >= 0 &&
		H5Pset_vlen_mem_manager(v.transfer, vlen_alloc, &v, vlen_free, NULL) >= 0) {
		if (hdf5_root(f, &root))
			sound = visit_all(&v, &root);
		else if (!hdf5_exhausted(f))
			sound = fault(&v, "cannot be opened");
	}
	if (!sound)
		(void)say(&v, e);
	close_id(&v.transfer);
	arena_fini(&v.a);
	return sound;
}
