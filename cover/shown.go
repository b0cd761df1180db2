package cover

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/merchant"
)

// publicFor is how long an image is believed to be shown to everybody: a take-down does not wait for it, for it hides
// the files. publicAgain is when one that is not is looked at again.
const (
	publicFor   = time.Minute
	publicAgain = freshFor
)

// Shows says whether an image is everybody's to see: it is ours, or of a cover that is shown to users. It asks once for
// all who ask at the same time.
func (d *Directory) Shows(ctx context.Context, hash string) (bool, error) {
	if known, ok := d.shown.GetIfPresent(hash); ok && d.now().Before(known.until) {
		return known.public, nil
	}
	known, err := d.images.ask(ctx, hash, func(ctx context.Context) (shownImage, error) {
		began := d.now()
		public, err := d.store.InUse(ctx, hash, shownStates())
		if err != nil {
			return shownImage{}, err
		}
		known := shownImage{public, began.Add(publicAgain)}
		if public {
			known.until = began.Add(publicFor)
		}
		d.shown.Set(hash, known)
		return known, nil
	}).wait(ctx)
	return known.public, err
}

// shownImage is whether an image is everybody's to see, and until when that is believed.
type shownImage struct {
	public bool
	until  time.Time
}

func shownStates() (states []State) {
	for _, s := range States() {
		if s.Shown() {
			states = append(states, s)
		}
	}
	return states
}

// Viewer is who asks for an image; the zero Viewer is anybody.
type Viewer struct {
	Caller
	Merchant int64 // of which the image is, as the caller says
}

// Show returns a file of an image to who may see it: public says that everybody may. The image of a cover that is not
// shown yet is its merchant's members' and servers' to see, and the operators'. Refusals: art_not_found, also for what
// the viewer may not see; art_gone, unavailable.
func (s *Service) Show(ctx context.Context, v Viewer, hash, size string) (data []byte, public bool, err error) {
	if data, err = s.Art(ctx, hash, size); err != nil {
		return nil, false, err
	}
	if _, ours := s.directory.own.files[hash+"/"+size]; ours {
		return data, true, nil
	}
	public, err = s.directory.Shows(ctx, hash)
	if err == nil && !public {
		err = s.mayView(ctx, v, hash)
	}
	if err != nil {
		return nil, false, err
	}
	return data, public, nil
}

// mayView admits a viewer to an image that is not everybody's. Refusal: art_not_found.
func (s *Service) mayView(ctx context.Context, v Viewer, hash string) error {
	if v.Operator {
		return nil
	}
	if v.Subject == "" || v.Merchant == 0 {
		return errArtNotFound
	}
	mode := merchant.Mode("") // members see both sides
	if v.Session != nil {
		mode = v.Session.Mode
	}
	if _, err := s.authorize(ctx, v.Caller, v.Merchant, mode, mayRead); err != nil {
		return errArtNotFound
	}
	has, err := s.store.HasImage(ctx, v.Merchant, mode, hash)
	if err == nil && !has {
		err = errArtNotFound
	}
	return err
}
